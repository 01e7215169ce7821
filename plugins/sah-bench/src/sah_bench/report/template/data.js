// The data of the page: columns, decoded into rows once.
const report = JSON.parse(document.getElementById("data").textContent);

function rowsOf(columns) {
  const names = Object.keys(columns);
  const decoded = names.map((name) => {
    const column = columns[name];
    return Array.isArray(column) ? column : column.codes.map((code) => (code < 0 ? null : column.values[code]));
  });
  const count = decoded.length ? decoded[0].length : 0;
  return Array.from({ length: count }, (_, row) => Object.fromEntries(names.map((name, at) => [name, decoded[at][row]])));
}

const cells = rowsOf(report.cells);
const identities = rowsOf(report.identities);
const points = rowsOf(report.points);
cells.forEach((cell, number) => { cell.number = number; });

const byId = (id) => document.getElementById(id);
const distinct = (values) => [...new Set(values)];

// Everything that comes from data goes in as text.
function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

// A labelled choice among values; null reads as `none`. What is chosen is a place in `values`.
function choice(label, values, chosen, changed, none = "-") {
  const made = element("label", label);
  const select = element("select");
  values.forEach((value, at) => select.append(element("option", value === null ? none : value, { value: at })));
  select.value = String(Math.max(0, values.indexOf(chosen)));
  select.addEventListener("change", () => changed(values[Number(select.value)]));
  made.append(select);
  return made;
}

function save(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  saveFrom(name, address);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function saveFrom(name, address) {
  const link = element("a", null, { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}
