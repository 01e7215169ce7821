// What the page holds: JSON, in which rows may be columns.
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
