// Quality against density and time, of one slice: a model, a task, a length and a protocol.
const MOST_POINTS = 2000;
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
  const families = new Set(found.map((point) => point.family));
  keepFamilies(hconcat, families);
  const spec = { ...rest, [stacked ? "vconcat" : "hconcat"]: hconcat };
  const legend = { orient: "bottom", columns: Math.max(1, Math.floor(width / 170)), title: null };
  const view = await draw("quality-chart", spec, { points: found.slice(0, MOST_POINTS) }, { legend });
  view.addEventListener("click", (_, item) => {
    if (item?.datum?.cell !== undefined) openDetails(item.datum.cell);
  });
}

// The legend names what is drawn; colours and shapes stay those of the whole report.
function keepFamilies(parts, families) {
  for (const layer of parts.flatMap((part) => part.layer)) {
    for (const channel of ["color", "shape"]) {
      const scale = layer.encoding?.[channel]?.scale;
      if (!scale?.domain) continue;
      const kept = scale.domain.map((name, at) => [name, scale.range[at]]).filter(([name]) => families.has(name));
      scale.domain = kept.map(([name]) => name);
      scale.range = kept.map(([, value]) => value);
    }
  }
}
