// A table that is sorted by its headers and shows a page of its rows at a time.
const PAGE = 25;

// `columns`: name, title, text (left, and sorted as text), value(row) to sort by, show(row) as text, mark(row): a class.
// The first text column opens a row. `show(rows)` fills it; `rows` are all of them, as sorted.
function pagedTable(host, what, opens) {
  const table = element("table");
  table.append(element("thead"), element("tbody"));
  const scroll = element("div", null, { class: "scroll", tabindex: 0, role: "region", "aria-label": what });
  scroll.append(table);
  const pager = element("div", null, { class: "pager" });
  const before = element("button", "Previous", { type: "button" });
  const shown = element("span", null, { class: "shown", role: "status" });
  const after = element("button", "Next", { type: "button" });
  pager.append(before, shown, after);
  byId(host).replaceChildren(scroll, pager);
  const state = { rows: [], given: [], columns: [], sort: null, down: false, page: 0 };

  function columns(wanted) {
    state.columns = wanted;
    state.sort = null;
    const row = element("tr");
    for (const column of wanted) {
      column.head = element("th", null, { scope: "col", class: column.text ? "text" : "number" });
      const button = element("button", column.title ?? column.name, { type: "button" });
      button.addEventListener("click", () => sortBy(column));
      column.head.append(button);
      row.append(column.head);
    }
    table.tHead.replaceChildren(row);
  }

  function sortBy(column) {
    state.down = state.sort === column ? !state.down : !column.text;
    state.sort = column;
    show(state.given);
  }

  function show(rows) {
    state.given = rows;
    state.rows = state.sort ? [...rows].sort(comparison(state.sort, state.down)) : rows;
    for (const column of state.columns) {
      column.head.setAttribute("aria-sort", column === state.sort ? (state.down ? "descending" : "ascending") : "none");
    }
    turnTo(0);
  }

  function turnTo(page) {
    state.page = page;
    const first = page * PAGE;
    const last = Math.min(first + PAGE, state.rows.length);
    table.tBodies[0].replaceChildren(...state.rows.slice(first, last).map(line));
    shown.textContent = state.rows.length
      ? `${(first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ${plural(state.rows.length, what)}`
      : `no ${what}`;
    before.disabled = page === 0;
    after.disabled = last >= state.rows.length;
    pager.hidden = state.rows.length <= PAGE && what !== "cell";
  }

  function line(row) {
    const made = element("tr");
    for (const column of state.columns) {
      const text = column.show ? column.show(row) : row[column.name];
      const place = element("td", null, { class: column.text ? "text" : "number" });
      if (column.opens) place.append(element("button", text, { type: "button", class: "open" }));
      else if (column.mark) place.append(element("span", text, { class: column.mark(row) }));
      else place.textContent = text;
      made.append(place);
    }
    made.addEventListener("click", () => { if (!String(getSelection())) openDetails(opens(row)); });
    return made;
  }

  before.addEventListener("click", () => turnTo(state.page - 1));
  after.addEventListener("click", () => turnTo(state.page + 1));
  return { state, columns, show };
}

// Rows that lack the number come last, whichever way it is sorted.
function comparison(column, down) {
  const value = column.value ?? ((row) => row[column.name]);
  return (one, other) => {
    const [a, b] = [value(one), value(other)];
    if (!known(a) || !known(b)) return known(b) - known(a);
    const order = typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
    return down ? -order : order;
  };
}
