// A task's table: a row for each config, a column for each length, seeds averaged.
const SHOWN = {
  "score ± se (density)": { value: (point) => point.score, show: (point) => `${point.said_score} (${point.said_density})` },
  "minus dense ± se": { value: (point) => point.difference, show: (point) => point.said_difference },
  "ms an answer (of dense)": { value: (point) => point.milliseconds, show: (point) => point.said_time },
};
const averages = pagedTable("averages-table", "config", (row) => row.cell);
let shownNumber = Object.keys(SHOWN)[0];

function averageChoices() {
  const place = byId("averages");
  place.replaceChildren(choice("show", Object.keys(SHOWN), shownNumber, (value) => {
    shownNumber = value;
    showAverages();
  }));
}

function showAverages() {
  const rows = new Map();
  for (const point of points) {
    if (point.model !== slice.model || point.task !== slice.task) continue;
    if (!point.dense && point.protocol !== slice.protocol) continue;
    if (!rows.has(point.attention)) rows.set(point.attention, { attention: point.attention, cell: point.cell, dense: point.dense, at: {} });
    rows.get(point.attention).at[point.length] = point;
  }
  const found = [...rows.values()].sort((one, other) => other.dense - one.dense);
  const lengths = distinct(found.flatMap((row) => Object.keys(row.at))).sort((one, other) => one - other);
  const { value, show } = SHOWN[shownNumber];
  averages.columns([
    { name: "attention", text: true, opens: true },
    ...lengths.map((length) => ({
      name: length,
      title: length === "null" ? shownNumber : `${Number(length).toLocaleString("en")} tokens`,
      value: (row) => (row.at[length] ? value(row.at[length]) : null),
      show: (row) => (row.at[length] ? show(row.at[length]) : NONE),
    })),
  ]);
  averages.show(found);
  byId("averages-title").textContent = slice.task === null ? "By task" : `${slice.task}: seeds averaged`;
}
