// The whole page: what is at the top, and in which order the parts are drawn.
const MOST_PROBLEMS = 8;

function summary() {
  const place = byId("summary");
  place.append(element("strong", plural(cells.length, "cell")));
  for (const status of ["complete", "incomplete", "failed", "missing"]) {
    const count = cells.filter((cell) => cell.status === status).length;
    if (count) place.append(" ", element("span", `${count.toLocaleString("en")} ${status}`, { class: `status ${status}` }));
  }
}

function problems() {
  const all = report.problems;
  if (!all.length) return;
  const place = byId("problems");
  const shown = place.querySelector("ul");
  const more = place.querySelector("button");
  place.hidden = false;
  place.querySelector("h2").textContent = plural(all.length, "problem");
  shown.append(...all.slice(0, MOST_PROBLEMS).map((problem) => element("li", problem)));
  if (all.length <= MOST_PROBLEMS) return;
  more.hidden = false;
  more.textContent = `Show ${all.length - MOST_PROBLEMS} more`;
  more.addEventListener("click", () => {
    shown.append(...all.slice(MOST_PROBLEMS).map((problem) => element("li", problem)));
    more.hidden = true;
  });
}

function downloads() {
  byId("csv").addEventListener("click", () => save("cells.csv", "text/csv", csv()));
  if (report.parquet === null) {
    byId("parquet").hidden = true;
    byId("export").textContent = "All cells as Parquet, and every answer and its score: sah report DIR --export FOLDER.";
    return;
  }
  byId("parquet").addEventListener("click", () => {
    const bytes = Uint8Array.from(atob(report.parquet), (letter) => letter.charCodeAt(0));
    save("cells.parquet", "application/vnd.apache.parquet", bytes);
  });
}

function made() {
  list(byId("versions"), Object.entries(report.versions));
  byId("benchmark").textContent = JSON.stringify(report.benchmark, null, 2);
}

async function drawAll() {
  await drawQuality();
  await drawInside();
}

async function begin() {
  summary();
  problems();
  filters();
  cellTable.columns(tellingColumns());
  showCells();
  downloads();
  made();
  sliceFields();
  sliceChoices();
  averageChoices();
  showAverages();
  measuredChoices();
  await drawAll();
  redrawn(drawAll);
  document.documentElement.dataset.ready = "true";
}

begin();
