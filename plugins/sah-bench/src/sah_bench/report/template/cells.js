// All cells, with choices that narrow them.
const ORDER = { failed: 0, incomplete: 1, missing: 2, complete: 3 };
const COLUMNS = [
  { name: "model", text: true },
  { name: "attention", text: true, opens: true },
  { name: "protocol", text: true },
  { name: "task", text: true },
  { name: "length", show: (cell) => cell.length ?? NONE },
  { name: "seed", show: (cell) => cell.seed },
  { name: "status", text: true, value: (cell) => ORDER[cell.status], mark: (cell) => `status ${cell.status}` },
  { name: "score", title: "score ± se", show: (cell) => plusMinus(cell.score, cell.standard_error) },
  { name: "difference", title: "minus dense ± se", show: (cell) => signed(cell.difference, cell.difference_error) },
  { name: "density", show: (cell) => percent(cell.density) },
  { name: "seconds", title: "ms an answer", show: (cell) => duration(cell.seconds, cell.seconds_error) },
  { name: "time_ratio", title: "of dense", show: (cell) => ratio(cell.time_ratio) },
  { name: "answered", show: (cell) => `${cell.answered} of ${cell.samples}` },
];
const FILTERS = ["task", "model", "attention", "protocol", "length", "status"];
const ALL = "all";
const MOST_CHOICES = 500;
const wanted = { text: "", fields: {} };
const searched = cells.map((cell) => [title(cell), cell.status, cell.swept, cell.failure, cell.address].join(" ").toLowerCase());
const cellTable = pagedTable("cells-table", "cell", (cell) => cell.number);

// A column in which all cells are alike says nothing.
function tellingColumns() {
  return COLUMNS.filter(({ name }) => !["model", "protocol", "length", "seed"].includes(name)
    || distinct(cells.map((cell) => cell[name])).length > 1);
}

function filters() {
  const place = byId("filters");
  const search = element("label", "find");
  const input = element("input", null, { type: "search", placeholder: "a name, a status, an error" });
  input.addEventListener("input", () => { wanted.text = input.value.toLowerCase(); showCells(); });
  search.append(input);
  place.append(search);
  for (const field of FILTERS) {
    const values = distinct(cells.map((cell) => cell[field]));
    if (values.length < 2 || values.length > MOST_CHOICES) continue;
    place.append(choice(field, [ALL, ...values], ALL, (value) => {
      if (value === ALL) delete wanted.fields[field]; else wanted.fields[field] = value;
      showCells();
    }));
  }
}

function showCells() {
  const fields = Object.entries(wanted.fields);
  const words = wanted.text.split(/\s+/).filter(Boolean);
  cellTable.show(cells.filter((cell) => fields.every(([field, value]) => cell[field] === value)
    && words.every((word) => searched[cell.number].includes(word))));
}

function csv() {
  const names = Object.keys(report.cells);
  const quoted = (value) => {
    const text = known(value) ? String(value) : "";
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [names, ...cellTable.state.rows.map((cell) => names.map((name) => cell[name]))];
  return `${lines.map((line) => line.map(quoted).join(",")).join("\n")}\n`;
}
