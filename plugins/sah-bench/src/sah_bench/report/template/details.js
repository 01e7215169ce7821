// Everything that is known of one cell, in a dialog.
const dialog = byId("details");
let opened = 0;

function title(cell) {
  const where = cell.length === null ? "" : ` at ${cell.length}`;
  const protocol = cell.protocol === "dense" ? "" : ` from ${cell.protocol}`;
  return `${cell.model}: ${cell.attention}${protocol}, ${cell.task}${where}, seed ${cell.seed}`;
}

function facts(cell) {
  return [
    ["status", `${cell.status}, ${cell.answered} of ${cell.samples} answered`],
    ["score", `${plusMinus(cell.score, cell.standard_error)} (${cell.scorer}${known(cell.contexts) ? `, ${plural(cell.contexts, "context")}` : ""})`],
    ["minus dense", signed(cell.difference, cell.difference_error)],
    ["density", percent(cell.density)],
    ["question and answer", `${duration(cell.seconds, cell.seconds_error)} ms, ${ratio(cell.time_ratio)} of dense`],
    ["first token", `${duration(cell.first_token_seconds)} ms`],
    ["reading a context", `${duration(cell.context_seconds)} ms`],
    ["tokens a second", known(cell.tokens_per_second) ? cell.tokens_per_second.toFixed(1) : NONE],
    ["peak memory", bytes(cell.memory_bytes)],
    ["keys and values of a context", bytes(cell.context_bytes)],
    ["indexes", bytes(cell.index_bytes)],
    ["contexts cut", cell.cut_samples ? `in ${plural(cell.cut_samples, "sample")}` : "none"],
    ["swept", cell.swept ?? NONE],
    ["address", cell.address],
  ];
}

function openDetails(number) {
  opened = number;
  const cell = cells[number];
  byId("details-title").textContent = title(cell);
  const wrong = [cell.failure, cell.score_error, cell.damaged_lines ? `${plural(cell.damaged_lines, "damaged line")}` : null,
    cell.set_aside_lines ? `${plural(cell.set_aside_lines, "damaged line")} set aside` : null].filter(known);
  byId("details-failure").hidden = !wrong.length;
  byId("details-failure").textContent = wrong.join(" · ");
  list(byId("details-facts"), facts(cell));
  const parts = Object.entries(identities[number] ?? {}).filter(([, value]) => value !== null && value !== undefined);
  byId("details-identity").replaceChildren(...parts.map(([name, value]) => {
    const part = element("section");
    part.append(element("h3", name), element("pre", typeof value === "string" ? value : JSON.stringify(value, null, 2)));
    return part;
  }));
  if (!parts.length) byId("details-identity").append(element("p", "Nothing is known of its config: it was not begun.", { class: "note" }));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

// The cell before or after, in the order of the table.
function step(by) {
  const order = cellTable.state.rows;
  const at = order.findIndex((cell) => cell.number === opened);
  const next = order[at + by];
  if (next) openDetails(next.number);
}

byId("before").addEventListener("click", () => step(-1));
byId("after").addEventListener("click", () => step(1));
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
