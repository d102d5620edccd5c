"use strict";
{
  const table = document.getElementById("leaderboard");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  const control = (name) => document.getElementById(name);
  const views = [];

  // ---- sorting: numbers by data-value, what is unknown last, texts by their letters
  const compare = (a, b, column, direction) => {
    const [one, other] = [a.cells[column], b.cells[column]];
    if (!("value" in one.dataset)) {
      return direction * one.textContent.localeCompare(other.textContent, "en", { numeric: true });
    }
    const [x, y] = [one.dataset.value, other.dataset.value];
    if (x === "" || y === "") return (x === "") - (y === "");
    return direction * (Number(x) - Number(y));
  };

  const sort = (column) => {
    const ascending = headings[column].ariaSort !== "ascending";
    headings.forEach((heading) => { heading.ariaSort = "none"; });
    headings[column].ariaSort = ascending ? "ascending" : "descending";
    rows.sort((a, b) => compare(a, b, column, ascending ? 1 : -1));
    body.append(...rows);
  };

  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => sort(column));
  });

  // ---- filtering: the table by all three controls, the charts by model and task
  const filter = () => {
    const words = control("words").value.toLowerCase().split(/\s+/);
    const [model, task] = [control("model").value, control("task").value];
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(
        (model === "" || row.dataset.model === model) &&
        (task === "" || row.dataset.task === task) &&
        words.every((word) => text.includes(word))
      );
    }
    const shown = rows.filter((row) => !row.hidden).length;
    control("shown").value = `${shown} of ${rows.length} rows`;
    for (const figure of document.querySelectorAll("figure")) {
      figure.hidden = task !== "" && figure.dataset.task !== task;
    }
    for (const view of views) view.signal(SHOWN_MODEL, model).resize().runAsync();
  };

  const form = document.querySelector(".controls");
  // a select tells of a change, a text box of every letter
  for (const event of ["input", "change"]) form.addEventListener(event, filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  control("more").addEventListener("change", (event) => {
    table.classList.toggle("all", event.target.checked);
  });

  // ---- charts: interpreted expressions, so that the page needs no right to evaluate code
  const font = getComputedStyle(document.body).fontFamily;
  const axis = { labelFontSize: 11, titleFontSize: 11, titleFontWeight: 400, titlePadding: 8, tickCount: 5 };
  const layout = { bottom: { anchor: "start", direction: "vertical", margin: 4, offset: 12 } };
  const legend = { labelFontSize: 11, titleFontSize: 11, titleFontWeight: 400, layout };
  const config = { font, background: null, view: { stroke: null }, axis, legend };
  const options = { mode: "vega-lite", ast: true, actions: false, renderer: "svg", config };

  const draw = async (figure) => {
    const specification = JSON.parse(figure.querySelector("script").textContent);
    const { view } = await vegaEmbed(figure.querySelector(".chart"), specification, options);
    views.push(view);
  };

  filter();
  Promise.all([...document.querySelectorAll("figure")].map(draw)).then(() => {
    filter();
    document.documentElement.dataset.ready = "";
  });
}
