// What was measured of attention calls in the chosen slice: by head, by layer, by token.
const measured = { attention: null, metric: null };
const KEYS = { head: ["layer", "head"], layer: ["layer"], token: ["step"] };

function measuredParts() {
  return report.measured.parts.filter((part) => part.model === slice.model && part.task === slice.task
    && part.length === slice.length && part.protocol === slice.protocol);
}

function measuredChoices() {
  const place = byId("measured");
  const parts = measuredParts();
  place.replaceChildren();
  byId("inside-charts").hidden = !parts.length;
  byId("inside-note").textContent = insideNote(parts);
  if (!parts.length) return;
  const names = parts.map((part) => part.attention);
  if (!names.includes(measured.attention)) measured.attention = names[0];
  const part = parts.find((other) => other.attention === measured.attention);
  const metrics = Object.keys(part.metrics);
  if (!metrics.includes(measured.metric)) measured.metric = metrics.includes("output_error") ? "output_error" : metrics[0];
  place.append(choice("attention", names, measured.attention, (value) => changeMeasured("attention", value)));
  place.append(choice("metric", metrics, measured.metric, (value) => changeMeasured("metric", value)));
}

function insideNote(parts) {
  if (!report.measured.parts.length && !report.measured.left_out) {
    return "Nothing was measured. A measure section in the benchmark's config asks for it.";
  }
  const said = parts.length ? [] : ["Nothing was measured of what is chosen above."];
  if (report.measured.left_out) {
    said.push(`${plural(report.measured.left_out, "config")} more would make this page too large: sah report DIR --plots FOLDER draws them.`);
  }
  return said.join(" ");
}

async function changeMeasured(field, value) {
  measured[field] = value;
  measuredChoices();
  await drawInside();
}

async function drawInside() {
  const part = measuredParts().find((other) => other.attention === measured.attention);
  if (!part) return;
  for (const granularity of Object.keys(KEYS)) {
    const columns = part.metrics[measured.metric][granularity];
    const spec = structuredClone(report.measured.charts[theme()][measured.metric][granularity]);
    size(spec, granularity, columns);
    await draw(`${granularity}-chart`, spec, { values: rowsOf(columns) });
  }
}

function size(spec, granularity, columns) {
  const room = byId(`${granularity}-chart`).clientWidth || 420;
  if (granularity !== "head") {
    const width = Math.max(160, room - 70);
    (spec.layer ?? [spec]).forEach((layer) => { delete layer.width; delete layer.height; });
    Object.assign(spec, { width, height: 220 });
    return;
  }
  const [layers, heads] = [distinct(columns.layer).length, distinct(columns.head).length];
  const width = Math.min(Math.max(160, room - 120), Math.max(160, heads * 40));
  const height = Math.min(420, Math.max(196, layers * 26));
  Object.assign(spec, { width, height });
  spec.encoding.color.legend.gradientLength = height;
}
