// Drawing a specification into a place of the page, in the colours that the reader's system asks for.
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => (dark.matches ? "dark" : "light");
const views = new Map();

async function draw(place, specification, data, config = {}) {
  const host = byId(place);
  const own = report.themes[theme()];
  const spec = {
    ...specification,
    datasets: { ...specification.datasets, ...data },
    config: { ...own, ...config, legend: { ...own.legend, ...config.legend } },
  };
  views.get(place)?.finalize();
  // The interpreter, no styles of its own: the page's policy allows no code and no style that is made up later.
  const result = await vegaEmbed(host, spec, {
    ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true, theme: theme() },
  });
  views.set(place, result);
  saveButtons(host.closest("figure"), place, result.view);
  return result.view;
}

// Charts are drawn again in other colours, and in a window of another width.
function redrawn(drawAll) {
  dark.addEventListener("change", drawAll);
  let waiting;
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 200);
  });
}

function saveButtons(figure, place, view) {
  figure.querySelector(".save")?.remove();
  const made = element("div", null, { class: "save" });
  for (const kind of ["svg", "png"]) {
    const button = element("button", kind.toUpperCase(), { type: "button", "aria-label": `Save the chart as ${kind.toUpperCase()}` });
    button.addEventListener("click", async () => saveFrom(`${place}.${kind}`, await view.toImageURL(kind, kind === "png" ? 2 : 1)));
    made.append(button);
  }
  figure.append(made);
}
