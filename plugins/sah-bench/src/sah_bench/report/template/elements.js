// Parts of the page.
const byId = (id) => document.getElementById(id);
const distinct = (values) => [...new Set(values)];

// Everything that comes from data goes in as text.
function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  if (text !== undefined && text !== null) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function list(place, pairs) {
  place.replaceChildren(...pairs.flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
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
