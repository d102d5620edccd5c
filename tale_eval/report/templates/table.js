"use strict";
// Sorting: numbers by data-value, what is unknown last, texts by their letters.
const sortable = (table) => {
  const rows = [...table.tBodies[0].rows];
  const headings = [...table.tHead.rows[0].cells];

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
    table.tBodies[0].append(...rows);
  };

  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => sort(column));
  });
  return rows;
};
