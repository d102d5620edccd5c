{
  const table = document.getElementById("leaderboard");
  const rows = sortable(table);
  const control = (name) => document.getElementById(name);
  const views = [];

  // ---- filtering: the table by all controls, the charts by model and task
  const filter = () => {
    const words = control("words").value.toLowerCase().split(/\s+/);
    const [model, task] = [control("model").value, control("task").value];
    // a page of one method or one setting has no control for it
    const [method, setting] = ["method", "setting"].map((name) => control(name)?.value ?? "");
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(
        (model === "" || row.dataset.model === model) &&
        (task === "" || row.dataset.task === task) &&
        (method === "" || row.dataset.method === method) &&
        (setting === "" || row.dataset.setting === setting) &&
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
