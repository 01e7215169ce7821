// All cells, filtered, sorted, and a page of them at a time.
const PAGE = 50;
const ORDER = { failed: 0, incomplete: 1, missing: 2, complete: 3 };
const COLUMNS = [
  { name: "model", text: true },
  { name: "attention", text: true },
  { name: "protocol", text: true },
  { name: "task", text: true },
  { name: "length", show: (cell) => cell.length ?? NONE },
  { name: "seed", show: (cell) => cell.seed },
  { name: "status", text: true, by: (cell) => ORDER[cell.status] },
  { name: "score", title: "score ± se", show: (cell) => plusMinus(cell.score, cell.standard_error) },
  { name: "difference", title: "minus dense ± se", show: (cell) => signed(cell.difference, cell.difference_error) },
  { name: "density", show: (cell) => percent(cell.density) },
  { name: "seconds", title: "ms an answer", show: (cell) => duration(cell.seconds, cell.seconds_error) },
  { name: "time_ratio", title: "of dense", show: (cell) => ratio(cell.time_ratio) },
  { name: "answered", show: (cell) => `${cell.answered} of ${cell.samples}` },
];
const FILTERS = ["task", "model", "attention", "protocol", "length", "status"];
const ALL = "all";
const state = { sort: null, down: false, page: 0, text: "", filters: {}, found: cells };
const searched = cells.map((cell) => [title(cell), cell.status, cell.swept, cell.failure, cell.address].join(" ").toLowerCase());

// A column in which all cells are alike says nothing.
const telling = COLUMNS.filter(({ name }) => !["model", "protocol", "length", "seed"].includes(name)
  || distinct(cells.map((cell) => cell[name])).length > 1);

function filters() {
  const place = byId("filters");
  const search = element("label", "find");
  const input = element("input", null, { type: "search", placeholder: "a name, a status, an error" });
  input.addEventListener("input", () => { state.text = input.value.toLowerCase(); refresh(); });
  search.append(input);
  place.append(search);
  for (const field of FILTERS) {
    const values = distinct(cells.map((cell) => cell[field]));
    if (values.length < 2) continue;
    place.append(choice(field, [ALL, ...values], ALL, (value) => {
      if (value === ALL) delete state.filters[field]; else state.filters[field] = value;
      refresh();
    }));
  }
}

function head() {
  const row = element("tr");
  for (const column of telling) {
    const cell = element("th", null, { scope: "col", class: column.text ? "text" : "number" });
    const button = element("button", column.title ?? column.name, { type: "button" });
    button.addEventListener("click", () => sortBy(column));
    cell.append(button);
    row.append(cell);
    column.head = cell;
  }
  byId("table").tHead.replaceChildren(row);
}

function sortBy(column) {
  state.down = state.sort === column ? !state.down : !column.text;
  state.sort = column;
  refresh();
}

function refresh() {
  const wanted = Object.entries(state.filters);
  const words = state.text.split(/\s+/).filter(Boolean);
  state.found = cells.filter((cell) => wanted.every(([field, value]) => cell[field] === value)
    && words.every((word) => searched[cell.number].includes(word)));
  if (state.sort) state.found.sort(comparison(state.sort, state.down));
  for (const column of telling) {
    column.head.ariaSort = column === state.sort ? (state.down ? "descending" : "ascending") : "none";
  }
  state.page = 0;
  showPage();
}

// Cells that lack the number come last, whichever way it is sorted.
function comparison(column, down) {
  const value = column.by ?? ((cell) => cell[column.name]);
  return (one, other) => {
    const [a, b] = [value(one), value(other)];
    if (!known(a) || !known(b)) return known(b) - known(a);
    const order = typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
    return down ? -order : order;
  };
}

function showPage() {
  const first = state.page * PAGE;
  byId("table").tBodies[0].replaceChildren(...state.found.slice(first, first + PAGE).map(row));
  const last = Math.min(first + PAGE, state.found.length);
  byId("shown").textContent = state.found.length
    ? `${(first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${plural(state.found.length, "cell")}`
    : "no cell";
  byId("previous").disabled = state.page === 0;
  byId("next").disabled = last >= state.found.length;
}

function row(cell) {
  const made = element("tr", null, { class: cell.status });
  for (const column of telling) {
    const text = column.show ? column.show(cell) : cell[column.name];
    const place = element("td", null, { class: column.text ? "text" : "number" });
    if (column.name === "attention") {
      const button = element("button", text, { type: "button", class: "open" });
      place.append(button);
    } else if (column.name === "status") {
      place.append(element("span", text, { class: `status ${cell.status}` }));
    } else {
      place.textContent = text;
    }
    made.append(place);
  }
  made.addEventListener("click", () => { if (!String(getSelection())) openDetails(cell.number); });
  return made;
}

function turn(by) {
  state.page += by;
  showPage();
}

function csv() {
  const names = Object.keys(report.cells);
  const quoted = (value) => {
    const text = known(value) ? String(value) : "";
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [names, ...state.found.map((cell) => names.map((name) => cell[name]))];
  return `${lines.map((line) => line.map(quoted).join(",")).join("\n")}\n`;
}
