// Shows a frame, takes clicks and boxes on it, asks the server what they mean, starts tracking, shows what comes of it.
"use strict";

const PERIOD = 300; // milliseconds between questions while tracking goes on
const DRAG = 6; // CSS pixels: less is a click
const TALLEST = 75; // percent of the window's height: of the picture, so that what is below it stays in sight

const find = (id) => document.getElementById(id);
const [stage, picture, canvas, slider, note] = ["stage", "picture", "drawing", "frame", "note"].map(find);
let desk = null;
let clicks = [];
let box = null;
let border = [];
let dragged = null;
let shown = []; // tracks of the frame that is shown
let asked = 0;

async function ask(path, body) {
  const options = body ? { method: "POST", headers: { "x-vistream": "1" }, body: JSON.stringify(body) } : {};
  const answer = await fetch(path, options).catch(() => {
    throw new Error("vistream does not answer: it has ended, or the connection is lost");
  });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function say(text, bad) {
  note.textContent = text;
  note.className = bad ? "alert" : "soft";
}

async function attempt(work) {
  try {
    await work();
  } catch (error) {
    say(error.message, true);
    catchUp().catch(() => {});
  }
}

async function catchUp() {
  if (!desk || desk.state === "running") return; // then it asks anyway
  refresh(await ask("api/desk")); // which another page may have changed
  if (desk.state === "running") follow();
}

const number = () => Number(slider.value);
const colour = (id) => desk.objects.find((one) => one.id === id)?.colour ?? "#ffd640";

function place(event) {
  const { left, top, width } = stage.getBoundingClientRect();
  const factor = desk.size[0] / width;
  return [(event.clientX - left) * factor, (event.clientY - top) * factor];
}

function trace(pen, points) {
  pen.beginPath();
  points.forEach(([x, y]) => pen.lineTo(x, y));
  pen.closePath();
  pen.stroke();
}

function draw() {
  [canvas.width, canvas.height] = desk.size;
  const pen = canvas.getContext("2d");
  const line = Math.max(2, desk.size[0] / 320);
  pen.lineWidth = line;
  for (const track of shown) {
    pen.strokeStyle = colour(track.id);
    if (track.outline.length) track.outline.forEach((points) => trace(pen, points));
    else pen.strokeRect(...track.bbox);
  }
  for (const { id, frame, box: given } of desk.objects) {
    if (frame !== number()) continue;
    pen.strokeStyle = colour(id);
    pen.setLineDash([3 * line, 2 * line]);
    pen.strokeRect(...given);
    pen.setLineDash([]);
    pen.fillStyle = colour(id);
    pen.font = `${8 * line}px sans-serif`;
    pen.fillText(String(id), given[0] + line, given[1] - line);
  }
  pen.strokeStyle = "#ffd640";
  pen.fillStyle = "rgba(255, 214, 64, .35)";
  if (box) pen.strokeRect(...box);
  for (const points of border) {
    trace(pen, points);
    pen.fill();
  }
  for (const [x, y, on] of clicks) {
    pen.beginPath();
    pen.arc(x, y, 2 * line, 0, 7);
    pen.fillStyle = on ? "#34c759" : "#ff3b30";
    pen.fill();
  }
}

function buttons() {
  const given = clicks.some(([, , on]) => on) || box !== null;
  const running = desk.state === "running";
  find("keep").disabled = running || !given;
  find("undo").disabled = running || !given;
  find("start").disabled = running || !desk.objects.length;
  find("stop").disabled = !running;
  find("results").hidden = !desk.done;
}

function list() {
  const ids = [...new Set(desk.objects.map(({ id }) => id))];
  const which = find("which");
  const chosen = which.value;
  which.replaceChildren(new Option("new", ""), ...ids.map((id) => new Option(String(id), String(id))));
  which.value = ids.map(String).includes(chosen) ? chosen : "";
  find("objects").replaceChildren(
    ...ids.map((id) => {
      const item = document.createElement("li");
      const frames = desk.objects.filter((one) => one.id === id).map(({ frame }) => frame);
      item.textContent = `object ${id}: given in frame ${frames.join(", ")}`;
      item.style.borderColor = colour(id);
      const button = document.createElement("button");
      button.textContent = "remove";
      button.onclick = () => attempt(async () => refresh(await ask("api/forget", { id })));
      item.append(button);
      return item;
    }),
  );
}

function refresh(state) {
  desk = state;
  find("title").textContent = desk.title;
  stage.style.maxWidth = `calc(${TALLEST}vh * ${desk.size[0] / desk.size[1]})`;
  slider.max = Math.max(0, (desk.frames ?? 1) - 1);
  list();
  buttons();
  draw();
}

function clear() {
  [clicks, box, border] = [[], null, []];
}

async function show() {
  const wanted = number();
  find("number").textContent = `${wanted} of ${slider.max}`;
  const tracks = desk.done ? await ask(`api/tracks/${wanted}`) : null;
  if (wanted !== number()) return;
  shown = tracks ? tracks.tracks : [];
  picture.src = `frames/${wanted}.jpg`;
  draw();
}

async function look() {
  border = [];
  draw();
  buttons();
  if (desk.task !== "vos" || (!box && !clicks.some(([, , on]) => on))) return;
  const mine = ++asked;
  say("looking");
  const answer = await ask("api/region", { frame: number(), clicks, box });
  if (mine !== asked) return;
  border = answer.outline;
  say(`${answer.pixels} pixels; keep it, or click to correct it`);
  draw();
}

stage.addEventListener("pointerdown", (event) => {
  if (!desk || desk.state === "running") return;
  dragged = { at: place(event), x: event.clientX, y: event.clientY, moved: false };
  stage.setPointerCapture(event.pointerId);
  event.preventDefault();
});

stage.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  dragged.moved ||= Math.hypot(event.clientX - dragged.x, event.clientY - dragged.y) > DRAG;
  if (!dragged.moved) return;
  const [x, y] = place(event);
  box = [Math.min(x, dragged.at[0]), Math.min(y, dragged.at[1]), Math.abs(x - dragged.at[0]), Math.abs(y - dragged.at[1])];
  draw();
});

stage.addEventListener("pointerup", (event) => {
  if (!dragged) return;
  const { at, moved } = dragged;
  dragged = null;
  if (moved) clicks = [];
  else if (desk.task === "vos") clicks.push([...at, !(event.shiftKey || find("less").checked)]);
  attempt(look);
});

slider.addEventListener("input", () => {
  clear();
  buttons();
  attempt(show);
});

for (const [id, step] of [["back", -1], ["forth", 1]]) {
  find(id).onclick = () => {
    slider.value = number() + step;
    slider.dispatchEvent(new Event("input"));
  };
}

find("undo").onclick = () => {
  if (clicks.length) clicks.pop();
  else box = null;
  attempt(look);
};

find("keep").onclick = () => attempt(async () => {
  const id = find("which").value;
  const answer = await ask("api/object", { frame: number(), clicks, box, id: id ? Number(id) : null });
  clear();
  refresh(await ask("api/desk"));
  say(`object ${answer.id} is given in frame ${number()}; give others, or track`);
});

find("start").onclick = () => attempt(async () => {
  clear();
  refresh(await ask("api/start", {}));
  follow();
});

find("stop").onclick = () => attempt(async () => refresh(await ask("api/stop", {})));

function follow() {
  attempt(async () => {
    const state = await ask("api/desk");
    if (state.view !== desk.view) picture.src = `picture.jpg?view=${state.view}`;
    shown = [];
    refresh(state);
    if (state.state === "running") {
      say(`tracking: ${state.done} frames, at frame ${state.last ?? "-"}`);
      return;
    }
    const end = state.state === "ready" ? "vistream was started anew: give the objects again" : `${state.state}: ${state.done} frames; go to a frame to correct an object there, then track again`;
    say(state.message || end, state.state === "failed");
    if (state.last !== null) slider.value = state.last;
    await show();
  }).then(() => {
    if (desk.state === "running") setTimeout(follow, PERIOD); // also where there was no answer
  });
}

window.addEventListener("focus", () => attempt(catchUp));

attempt(async () => {
  refresh(await ask("api/desk"));
  await show();
  say(desk.task === "vos" ? "click on an object, or drag a box around it" : "drag a box around the object");
  if (desk.state === "running") follow();
});
