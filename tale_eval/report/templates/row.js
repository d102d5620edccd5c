{
  const rows = sortable(document.getElementById("answers"));
  const control = (name) => document.getElementById(name);

  const filter = () => {
    const words = control("words").value.toLowerCase().split(/\s+/);
    const outcome = control("outcome").value;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(
        (outcome === "" || row.dataset.outcome === outcome) &&
        words.every((word) => text.includes(word))
      );
    }
    control("shown").value = `${rows.filter((row) => !row.hidden).length} of ${rows.length} answers`;
  };

  const form = document.querySelector(".controls");
  for (const event of ["input", "change"]) form.addEventListener(event, filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
  document.documentElement.dataset.ready = "";
}
