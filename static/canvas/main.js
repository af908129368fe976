// The canvas page, put together, and its keys.

import { Chooser } from "./chooser.js";
import { Clipboard, Commands } from "./commands.js";
import { Sender, Stream } from "./exchange.js";
import { Choice, Graph } from "./graph.js";
import { Hand } from "./hand.js";
import { Overlay } from "./overlay.js";
import { Panels } from "./panels.js";
import { Minimap, View } from "./view.js";

const EDITABLE = "input, textarea, select, [contenteditable], dialog";
const CLIPBOARD = new Set(["copy", "cut", "paste"]);

const page = document.getElementById("canvas-page");
const world = document.getElementById("world");
const viewport = document.getElementById("viewport");

const graph = new Graph();
const sender = new Sender(page);
const view = new View(viewport, world, page.dataset.flow);
const choice = new Choice(graph, sender);
const tools = { page, graph, sender, view, choice, chooser: new Chooser() };
tools.commands = new Commands(tools);
tools.hand = new Hand(tools);
tools.panels = new Panels(tools);
tools.clipboard = new Clipboard(tools);
tools.overlay = new Overlay(tools);
tools.minimap = new Minimap(tools);
Object.assign(tools.commands, tools);
listen(tools);
const stream = new Stream(tools);
sender.onOthers = () => tools.panels.renew();

/** Take up what changed on the page. */
function refresh() {
  graph.changed();
  view.measure();
  choice.refresh();
  stream.draw();
  tools.overlay.draw();
  tools.minimap.draw();
  document.getElementById("nothing").hidden = graph.all().length > 0;
}

document.addEventListener("htmx:after:swap", refresh);
document.getElementById("palette-find").addEventListener("input", (event) => {
  const wanted = event.target.value.trim().toLowerCase();
  for (const type of document.querySelectorAll(".palette .type")) {
    type.parentElement.hidden = !`${type.textContent} ${type.title} ${type.dataset.type}`.toLowerCase().includes(wanted);
  }
  for (const group of document.querySelectorAll(".types ul")) {
    const isEmpty = [...group.children].every((line) => line.hidden);
    group.hidden = isEmpty;
    group.previousElementSibling.hidden = isEmpty;
  }
});
document.querySelector(".palette").addEventListener("keydown", (event) => {
  const type = event.target.closest(".type");
  const first = document.querySelector(".palette li:not([hidden]) .type");
  if (event.code === "Enter" && (type || event.target.id === "palette-find")) {
    event.preventDefault();
    tools.commands.addType((type ?? first)?.dataset.type);
  }
});
document.querySelector(".palette").addEventListener("click", (event) => {
  const type = event.target.closest(".type");
  if (type && event.detail) tools.commands.addType(type.dataset.type);
});

refresh();
const asked = location.hash.startsWith("#n-") ? location.hash.slice(3) : "";
const box = graph.around();
if (!view.restore() || asked) {
  if (box) view.begin(box);
  else view.set(viewport.clientWidth / 2, 120, 1);
}
if (asked) tools.commands.goTo(asked);
if (location.hash === "#review") tools.commands.run("publish");
page.dataset.ready = "true";

/** Keys, by where they lie on the keyboard; never in fields, never while a word is being composed. */
function listen({ page, commands, hand, view }) {
  const table = new Map();
  for (const { command, keys } of JSON.parse(page.dataset.keys)) {
    for (const each of keys.split(" ")) table.set(each, command);
  }
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.code === "Escape" && hand.isBusy) {
      hand.cancel();
      event.preventDefault();
      return;
    }
    const isOutside = event.target.closest(EDITABLE);
    if (event.code === "Escape" && event.target.closest(".side-panel, .palette")) {
      commands.panels.leave();
      return;
    }
    if (isOutside && !isGlobal(event)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.code === "Space" && !isOutside && !event.target.closest("button, a, summary")) {
      hand.space = true;
      view.viewport.classList.add("pans");
      event.preventDefault();
      return;
    }
    if (event.code === "Enter" && event.target.closest("button, a, summary") && !event.target.closest(".card-face, #viewport")) return;
    const command = table.get(name(event));
    // The browser's own events carry copy, cut and paste: only they may touch the clipboard unasked.
    if (!command || CLIPBOARD.has(command)) return;
    event.preventDefault();
    commands.run(command, event);
  });
  document.addEventListener("keyup", (event) => {
    if (event.code !== "Space" || !hand.space) return;
    hand.space = false;
    view.viewport.classList.toggle("pans", hand.isPanning);
  });
}

/** Keys that hold in fields too: publish, command palette. */
function isGlobal(event) {
  return (event.ctrlKey || event.metaKey) && (event.code === "KeyK" || (event.shiftKey && event.code === "Enter"));
}

function name(event) {
  const ctrl = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  if (event.altKey) return "";
  return `${ctrl}${event.shiftKey ? "Shift+" : ""}${event.code}`;
}
