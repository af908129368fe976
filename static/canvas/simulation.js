// The simulation tab: the same drawing, read only; a day line to scrub along, and contacts to follow.

import { Graph, placeChip } from "./graph.js";
import { Minimap, View } from "./view.js";

const page = document.getElementById("canvas-page");
const world = document.getElementById("world");
const viewport = document.getElementById("viewport");
const line = document.getElementById("day-line");
const graph = new Graph();
const view = new View(viewport, world, `${page.dataset.flow}/simulation`);
const minimap = new Minimap({ graph, view });
const numbers = new Intl.NumberFormat(document.documentElement.lang);
let days = [];
let playing = 0;

viewport.addEventListener("wheel", (event) => {
  event.preventDefault();
  const { left, top } = view.box;
  if (event.ctrlKey || event.metaKey) view.zoomAt(event.clientX - left, event.clientY - top, Math.exp(-event.deltaY / 240));
  else view.pan(-event.deltaX, -event.deltaY);
}, { passive: false });
viewport.addEventListener("pointerdown", (event) => {
  if (event.target.closest("button")) return;
  viewport.setPointerCapture(event.pointerId);
});
viewport.addEventListener("pointermove", (event) => {
  if (viewport.hasPointerCapture(event.pointerId)) view.pan(event.movementX, event.movementY);
});
viewport.addEventListener("keydown", (event) => {
  const by = { ArrowUp: [0, 60], ArrowDown: [0, -60], ArrowLeft: [60, 0], ArrowRight: [-60, 0] }[event.key];
  if (by) view.pan(...by);
});

document.addEventListener("click", (event) => {
  const zoom = event.target.closest("[data-zoom]")?.dataset.zoom;
  if (zoom === "fit") view.fit(graph.around());
  else if (zoom) view.zoomBy(zoom === "1" ? 1 / view.k : Number(zoom));
  if (event.target.closest("[data-play]")) play();
  const step = event.target.closest("[data-node-step]");
  if (step) follow(step);
});

document.addEventListener("input", (event) => {
  if (event.target.id === "day") show(Number(event.target.value));
  const output = event.target.parentElement?.querySelector("output");
  if (output && event.target.type === "range" && event.target.id !== "day") output.textContent = event.target.value;
});

document.addEventListener("toggle", (event) => {
  if (!event.target.matches(".walk")) return;
  const nodes = new Set([...event.target.querySelectorAll("[data-node-step]")].map((each) => each.dataset.nodeStep));
  const isOn = event.target.open;
  for (const node of graph.all()) node.element.classList.toggle("aside", isOn && !nodes.has(node.id));
  for (const edge of graph.lines()) edge.element.classList.toggle("aside", isOn && !(nodes.has(edge.from) && nodes.has(edge.to)));
}, true);

document.addEventListener("htmx:after:swap", () => {
  const result = document.getElementById("simulated");
  if (!result || result.dataset.taken) return;
  result.dataset.taken = "true";
  days = JSON.parse(result.dataset.days);
  line.replaceChildren(document.getElementById("bars").content.cloneNode(true));
  line.hidden = false;
  stop();
  show(days.length - 1);
});

/** Show where everybody is when a day ends, and what went along the edges until then. */
function show(number) {
  const day = days[number];
  if (!day) return;
  document.getElementById("day").value = number;
  line.querySelector("output").textContent = day.words;
  line.querySelectorAll(".bars i").forEach((bar, place) => bar.classList.toggle("now", place === number));
  for (const node of graph.all()) {
    const rests = node.element.querySelector(".rests");
    const here = day.resting[node.id] ?? 0;
    rests.hidden = !here;
    rests.textContent = here ? `${numbers.format(here)} ${page.dataset.here}` : "";
  }
  const most = Math.max(1, ...Object.values(days.at(-1).passed));
  const chips = [];
  for (const edge of graph.lines()) {
    const passed = day.passed[edge.element.id] ?? 0;
    edge.element.classList.toggle("carries", passed > 0);
    edge.element.style.setProperty("--share", passed ? 2 + (10 * passed) / most : 0);
    if (passed) chips.push(chip(edge.element, passed));
  }
  document.getElementById("chips").replaceChildren(...chips);
}

function chip(edge, passed) {
  const made = document.createElement("span");
  made.className = "chip";
  placeChip(made, edge);
  made.textContent = numbers.format(passed);
  return made;
}

function play() {
  if (playing) {
    stop();
    return;
  }
  let number = Number(document.getElementById("day").value);
  if (number >= days.length - 1) number = -1;
  const step = () => {
    number += 1;
    show(number);
    if (number < days.length - 1) playing = setTimeout(step, 450);
    else stop();
  };
  playing = setTimeout(step, 0);
}

function stop() {
  clearTimeout(playing);
  playing = 0;
}

/** Show on the canvas where a step of a sample contact was, and on the day line when. */
function follow(step) {
  for (const each of document.querySelectorAll(".stride[aria-current], .n.followed")) {
    each.removeAttribute("aria-current");
    each.classList.remove("followed");
  }
  step.setAttribute("aria-current", "step");
  const node = graph.node(step.dataset.nodeStep);
  node?.element.classList.add("followed");
  const box = node && graph.around([node.id]);
  // The day line lies over the lower edge.
  if (box) view.reveal({ ...box, h: box.h + 100 / view.k });
  stop();
  show(Math.min(Number(step.dataset.day), days.length - 1));
}

view.measure();
minimap.draw();
const box = graph.around();
if (box && !view.restore()) view.begin(box);
page.dataset.ready = "true";
