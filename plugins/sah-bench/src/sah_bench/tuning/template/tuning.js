// A study: the charts of all methods, and of each one its trials as a chart, as a list and one by one.
const dialog = byId("details");
const methods = report.methods.map((method) => ({ ...method, trials: rowsOf(method.trials), importance: rowsOf(method.importance) }));
const marks = { complete: "status complete", pruned: "status incomplete", failed: "status failed" };

function openDetails([place, number]) {
  const method = methods[place];
  const trial = method.trials.find((other) => other.number === number);
  byId("details-title").textContent = `${method.name}: trial ${number}${trial.mark ? `, the ${trial.mark.replace("and", "and the")}` : ""}`;
  byId("details-failure").hidden = !known(trial.why);
  byId("details-failure").classList.toggle("pruned", trial.state === "pruned");
  byId("details-failure").textContent = known(trial.why) ? `${trial.state}: ${trial.why}` : "";
  list(byId("details-figures"), [
    ["state", trial.state],
    ["score ± se", trial.said_score],
    ...Object.entries(report.costs).map(([cost, title]) => [title, trial[`said_${cost}`]]),
    ["samples", trial.samples ?? NONE],
  ]);
  list(byId("details-values"), method.parameters.map((name, at) => [name, trial[`value_${at}`] ?? NONE]));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
}

dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

// The costs of which something is known, the parameters, and why it ended early.
function trialTable(method, place) {
  const table = pagedTable(`method-${place}-trials`, "trial", (trial) => [place, trial.number]);
  const costs = Object.entries(report.costs).filter(([cost]) => method.trials.some((trial) => known(trial[cost])));
  table.columns([
    { name: "number", title: "trial", opens: true },
    { name: "state", text: true, mark: (trial) => marks[trial.state] },
    { name: "score", title: "score ± se", show: (trial) => trial.said_score },
    ...costs.map(([cost, title]) => ({ name: cost, title, show: (trial) => trial[`said_${cost}`] })),
    ...method.parameters.map((title, at) => ({ name: `by_${at}`, title, show: (trial) => trial[`value_${at}`] ?? NONE })),
    ...(method.trials.some((trial) => known(trial.why)) ? [{ name: "why", text: true, show: (trial) => trial.why ?? "" }] : []),
  ]);
  table.show(method.trials);
}

// Charts of one width with their place, and legends that fit it.
async function drawFitted(id, specification, rows, name, height) {
  const place = byId(id);
  const width = Math.max(240, place.clientWidth);
  const legend = { columns: Math.max(1, Math.floor(width / 150)) };
  return draw(id, { ...specification, width, ...(height ? { height } : {}) }, { [name]: rows }, { legend });
}

function nothing(id, said) {
  byId(id).replaceChildren(element("p", said, { class: "note" }));
}

async function drawTogether() {
  for (const [name, missing] of [["confirmed", "Nothing was asked of samples that no trial saw."], ["fronts", "No trial is complete."]]) {
    const rows = rowsOf(report[name].rows);
    if (!rows.length) { nothing(`${name}-chart`, missing); continue; }
    const view = await drawFitted(`${name}-chart`, report[name].charts[theme()], rows, name, 320);
    view.addEventListener("click", (_, item) => {
      if (item?.datum?.number !== undefined) openDetails([item.datum.place, item.datum.number]);
    });
  }
}

async function drawMethod(method, place) {
  const charts = method.charts[theme()];
  const drawn = method.trials.filter((trial) => known(trial.cost));
  const left = method.trials.length - drawn.length;
  byId(`method-${place}-note`).textContent = drawn.length && left ? `${plural(left, "trial")} without a score: see the list.` : "";
  if (drawn.length) {
    const view = await drawFitted(`method-${place}-chart`, charts.trials, drawn, "trials", 320);
    view.addEventListener("click", (_, item) => {
      if (item?.datum?.number !== undefined) openDetails([place, item.datum.number]);
    });
  } else nothing(`method-${place}-chart`, "No trial has a score.");
  if (method.importance.length) await drawFitted(`method-${place}-importance`, charts.importance, method.importance, "importance");
  else nothing(`method-${place}-importance`, "Not known: too few trials are complete, or all of them came out alike.");
}

async function drawAll() {
  await drawTogether();
  for (const [place, method] of methods.entries()) await drawMethod(method, place);
}

async function begin() {
  methods.forEach(trialTable);
  await drawAll();
  redrawn(drawAll);
  document.documentElement.dataset.ready = "true";
}

begin();
