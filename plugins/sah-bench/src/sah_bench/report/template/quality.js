// Quality against density and time, of one slice: a model, a task, a length and a protocol.
const MOST_POINTS = 500;
const MOST_NAMES = 56;
const slice = {};

function sliceFields() {
  const first = points.find((point) => !point.dense) ?? points[0] ?? {};
  for (const field of ["model", "task", "length", "protocol"]) slice[field] = first[field] ?? null;
}

function sliceChoices() {
  const place = byId("slice");
  place.replaceChildren();
  for (const field of ["model", "task", "length", "protocol"]) {
    const found = field === "protocol" ? points.filter((point) => !point.dense) : points;
    const values = distinct(found.map((point) => point[field]));
    if (values.length > 1) place.append(choice(field, values, slice[field], (value) => changeSlice(field, value)));
  }
}

async function changeSlice(field, value) {
  slice[field] = value;
  showAverages();
  await drawQuality();
  measuredChoices();
  await drawInside();
}

function pointsOf() {
  return points.filter((point) => point.model === slice.model && point.task === slice.task
    && point.length === slice.length && (point.dense || point.protocol === slice.protocol));
}

async function drawQuality() {
  const found = pointsOf();
  const place = byId("quality-chart");
  byId("quality-note").textContent = "";
  if (!found.length) {
    views.get("quality-chart")?.finalize();
    place.replaceChildren(element("p", points.length ? "Nothing here has a score." : "No cell has a score yet.", { class: "note" }));
    return;
  }
  const drawn = found.slice(0, MOST_POINTS);
  if (found.length > MOST_POINTS) {
    byId("quality-note").textContent = `The first ${MOST_POINTS} of ${found.length.toLocaleString("en")} points are drawn.`;
  }
  const width = place.clientWidth || 960;
  const stacked = width < 720;
  const { hconcat, ...rest } = structuredClone(report.quality[theme()]);
  const each = Math.max(220, (stacked ? width : (width - 20) / 2) - 64);
  hconcat.forEach((part) => {
    Object.assign(part, { width: each, height: stacked ? 260 : 320 });
    part.layer.forEach((layer) => { delete layer.width; delete layer.height; });
  });
  nameFamilies(hconcat, new Set(drawn.map((point) => point.family)));
  const spec = { ...rest, [stacked ? "vconcat" : "hconcat"]: hconcat };
  const legend = { orient: "bottom", columns: Math.max(1, Math.floor(width / 170)), title: null };
  const view = await draw("quality-chart", spec, { points: drawn }, { legend });
  view.addEventListener("click", (_, item) => {
    if (item?.datum?.cell !== undefined) openDetails(item.datum.cell);
  });
}

// The legend names what is drawn, unless that is too much; colours and shapes are those of the whole report.
function nameFamilies(parts, drawn) {
  const { names, colours, shapes } = report.families;
  const kept = names.map((_, at) => at).filter((at) => drawn.has(names[at]));
  const ranges = { color: colours[theme()], shape: shapes };
  for (const layer of parts.flatMap((part) => part.layer)) {
    for (const [channel, range] of Object.entries(ranges)) {
      const encoded = layer.encoding?.[channel];
      if (!encoded?.scale) continue;
      Object.assign(encoded.scale, { domain: kept.map((at) => names[at]), range: kept.map((at) => range[at]) });
      if (kept.length > MOST_NAMES) encoded.legend = null;
    }
  }
}
