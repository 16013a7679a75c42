// Fills the page: asks for the figures twice a second and draws them; pictures come by themselves.
"use strict";

const PERIOD = 500; // milliseconds
const SECONDS = 120; // width of the plots
const STREAMS = 4; // browsers open six connections to a server; more sources than this are shown as single pictures
const PLOTS = {
  fps: { label: "frames/s", unit: (v) => v.toFixed(1), text: (s) => s.fps.toFixed(1) },
  lag: { label: "lag", unit: (v) => `${v.toFixed(2)} s`, text: (s) => `${s.lag.toFixed(2)} s` },
  tracks: { label: "tracks", unit: (v) => v, text: (s) => `${s.tracks ?? 0}${s.counted === "tracks" ? ` (${s.ids} so far)` : ""}` },
  work: { label: "of dense work", unit: percent, text: (s) => percent(s.work ?? 0), top: 1 },
};

function percent(share) {
  return `${(100 * share).toFixed(0)} %`;
}

const note = document.getElementById("note");
const tiles = [];

function say(text, kind) {
  if (note.textContent !== text) note.textContent = text; // a screen reader reads out whatever is set
  note.className = kind;
}

function element(name, parent, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function makeTile(number) {
  const box = element("section", document.getElementById("tiles"));
  const head = element("h2", box);
  const tile = { box, number, title: element("span", head), state: element("span", head), plots: {}, view: 0 };
  tile.state.className = "state";
  const views = element("div", box);
  views.className = "views";
  tile.picture = makeView(views, "tracks");
  tile.picture.image.onerror = () => (tile.view = 0); // a stream that broke off is asked for again
  tile.activity = makeView(views, "recomputed in this frame");
  const plots = element("div", box);
  plots.className = "plots4";
  for (const [name, { label }] of Object.entries(PLOTS)) {
    const cell = element("div", plots);
    const head = element("span", cell, label);
    const value = element("b", cell);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${SECONDS} 100`);
    svg.setAttribute("preserveAspectRatio", "none");
    const line = document.createElementNS(svg.namespaceURI, "polyline");
    svg.append(line);
    cell.append(svg);
    tile.plots[name] = { head, value, line, svg };
  }
  return tile;
}

function makeView(parent, caption) {
  const figure = element("figure", parent);
  const image = element("img", figure);
  image.alt = caption;
  return { figure, image, caption: element("figcaption", figure, caption) };
}

function show(tile, source, streamed) {
  tile.title.textContent = source.title;
  tile.state.textContent = [
    source.state === "failed" ? "failed: the terminal says why" : source.state,
    ...(source.dropped ? [`${source.dropped} frames dropped`] : []),
    ...(source.unblurred ?? []).map((name) => `blur=${name}: none seen so far`),
  ].join(", ");
  tile.box.className = `tile ${source.state}`;
  if (source.counted) tile.picture.caption.textContent = tile.picture.image.alt = source.counted;
  showPictures(tile, source, streamed);
  for (const [name, { label, unit, text, top }] of Object.entries(PLOTS)) {
    const { head, value, line, svg } = tile.plots[name];
    const values = source.history[name];
    const most = Math.max(0, ...values);
    const highest = top ?? 1.1 * Math.max(1e-3, most);
    const title = name === "tracks" ? source.counted ?? label : label;
    if (!top) head.textContent = `${title}, max ${unit(most)}`; // the scale of its plot
    value.textContent = text(source);
    const points = values.map((v, i) => `${(SECONDS - source.history.at[i]).toFixed(1)},${(98 - 96 * v / highest).toFixed(1)}`);
    line.setAttribute("points", points.join(" "));
    svg.setAttribute("aria-label", `${title} over the last two minutes, max ${unit(most)}`);
  }
}

function showPictures(tile, source, streamed) {
  tile.activity.figure.hidden = !source.activity;
  if (!source.size || source.view === tile.view) return;
  const folder = `sources/${tile.number}`;
  if (tile.view === 0) {
    for (const { image } of [tile.picture, tile.activity]) image.style.aspectRatio = source.size.join(" / ");
    if (streamed) tile.picture.image.src = `${folder}/stream.mjpg`;
  }
  tile.view = source.view;
  if (!streamed) tile.picture.image.src = `${folder}/picture.jpg?view=${source.view}`;
  if (source.activity) tile.activity.image.src = `${folder}/activity.jpg?view=${source.view}`;
}

async function update() {
  if (!document.hidden) {
    try {
      const answer = await fetch("api/sources").catch(() => {
        throw new Error("vistream does not answer: it has ended, or the connection is lost. What is below is old.");
      });
      if (!answer.ok) throw new Error(`no figures: ${await answer.text()}`);
      const sources = await answer.json();
      if (note.className === "alert") tiles.splice(0).forEach((tile) => tile.box.remove()); // it may be another server
      while (tiles.length < sources.length) tiles.push(makeTile(tiles.length));
      sources.forEach((source, number) => show(tiles[number], source, sources.length <= STREAMS));
      const running = sources.filter((source) => source.state === "running").length;
      say(`${running} of ${sources.length} sources running; plots: the last two minutes`, "soft");
    } catch (error) {
      say(error.message, "alert");
      for (const { state } of tiles) state.textContent = "unknown";
    }
  }
  setTimeout(update, PERIOD);
}

update();
