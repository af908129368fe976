// What a hand drags: nodes, an edge from a port or by its end, a node type out of the palette.

import { entryOf, portOf } from "./graph.js";
import { corners, path } from "./paths.js";

const BORDER = 48; // so near to the border of the canvas it scrolls
const ONTO = 24; // so near to an edge a node is dropped onto it
const END = 28; // so near to its end an edge is taken
const BESIDE = 28; // so near to a port or an edge a type is dropped onto it
const WIDTH = 248;
const GRID = 8;
const NEAR = 6; // so near to a neighbour's line a node snaps

/** Nodes: they snap, edges follow, the canvas scrolls at its border; on an edge a loose node is inserted. */
export class DragNodes {
  cursor = "grabbing";

  constructor(hand, event, id) {
    this.hand = hand;
    const { graph, choice, view } = hand;
    if (!choice.ids.has(id)) choice.set([id], { focus: true });
    this.copies = event.ctrlKey || event.metaKey;
    this.nodes = [...choice.ids].map((each) => graph.node(each));
    this.lead = graph.node(id);
    this.start = view.toWorld(event.clientX, event.clientY);
    this.offset = [0, 0];
    this.others = graph.all().filter((node) => !choice.ids.has(node.id));
    this.isLoose = this.nodes.length === 1 && this.lead.enters && !graph.to(id).length && !graph.from(id).length;
    this.edges = this.copies ? [] : this.attached();
    this.held = document.getElementById("held");
    this.lift();
  }

  attached() {
    const { graph, choice } = this.hand;
    return graph
      .lines()
      .filter((edge) => choice.ids.has(edge.from) || choice.ids.has(edge.to))
      .map((edge) => ({ ...edge, d: edge.element.lastElementChild.getAttribute("d") }));
  }

  /** Put what moves into layers of its own, so that a move paints little. Cards keep the focus: what moves is like them. */
  lift() {
    this.held.append(...this.nodes.map((node) => likeness(node.element)));
    if (!this.copies) for (const node of this.nodes) node.element.classList.add("lifted");
    document.getElementById("lift").append(...this.edges.map((edge) => edge.element));
  }

  move(event) {
    this.event = event;
    const { view } = this.hand;
    const [x, y] = view.toWorld(event.clientX, event.clientY);
    let [dx, dy] = [x - this.start[0], y - this.start[1]];
    if (event.shiftKey) [dx, dy] = Math.abs(dx) > Math.abs(dy) ? [dx, 0] : [0, dy];
    const wanted = { x: this.lead.x + dx, y: this.lead.y + dy, w: this.lead.w, h: this.lead.h };
    const near = this.others.filter((node) => Math.abs(node.x - wanted.x) < 900 && Math.abs(node.y - wanted.y) < 700);
    const found = snap(wanted, near, event.altKey);
    this.offset = [found.x - this.lead.x, found.y - this.lead.y];
    guide(view, found.lines);
    this.draw();
    this.look();
    this.scroll();
  }

  draw() {
    const [dx, dy] = this.offset;
    this.held.style.transform = `translate(${dx}px,${dy}px)`;
    for (const edge of this.edges) this.follow(edge);
  }

  follow(edge) {
    const { graph, choice } = this.hand;
    const [dx, dy] = this.offset;
    const [from, to] = [graph.node(edge.from), graph.node(edge.to)];
    if (!from || !to) return;
    const shift = (point, id) => (choice.ids.has(id) ? [point[0] + dx, point[1] + dy] : point);
    const d = path(corners(shift(portOf(from, edge.port), edge.from), shift(entryOf(to), edge.to)));
    edge.element.lastElementChild.setAttribute("d", d); // where it can be hit is of no use before the hand lets go
  }

  /** Show the edge that the node would be inserted on. */
  look() {
    if (!this.isLoose) return;
    const middle = [this.lead.x + this.offset[0] + this.lead.w / 2, this.lead.y + this.offset[1] + this.lead.h / 2];
    const edge = this.hand.graph.edgeAt(middle, ONTO);
    if (edge !== this.onto) {
      this.onto?.element.classList.remove("drop");
      edge?.element.classList.add("drop");
      this.onto = edge;
    }
  }

  scroll() {
    cancelAnimationFrame(this.frame);
    const { left, top, right, bottom } = this.hand.view.box;
    const { clientX: x, clientY: y } = this.event;
    const over = (low, high, at) => (at < low + BORDER ? low + BORDER - at : at > high - BORDER ? high - BORDER - at : 0);
    const [dx, dy] = [over(left, right, x), over(top, bottom, y)];
    if (!dx && !dy) return;
    this.frame = requestAnimationFrame(() => {
      this.hand.view.pan(dx / 4, dy / 4);
      this.move(this.event);
    });
  }

  drop() {
    this.end();
    const [dx, dy] = this.offset;
    const { sender, choice } = this.hand;
    if (this.copies) {
      this.back();
      this.hand.commands.copyTo([...choice.ids], dx, dy);
    } else if (this.onto) {
      this.settle();
      sender.send("insert", { node: this.lead.id, edge: [this.onto.from, this.onto.port, this.onto.to] });
    } else if (dx || dy) {
      const to = this.nodes.map((node) => [node.id, node.x + dx, node.y + dy]);
      this.settle();
      sender.send("move", { to });
    }
  }

  /** Leave the nodes where they are shown; the server will say the same. */
  settle() {
    for (const node of this.nodes) {
      node.element.style.left = `${node.x + this.offset[0]}px`;
      node.element.style.top = `${node.y + this.offset[1]}px`;
    }
    this.hand.graph.changed();
  }

  back() {
    for (const edge of this.edges) for (const line of edge.element.children) line.setAttribute("d", edge.d);
  }

  end() {
    cancelAnimationFrame(this.frame);
    guide(this.hand.view, []);
    this.onto?.element.classList.remove("drop");
    this.held.replaceChildren();
    this.held.style.transform = "";
    for (const node of this.nodes) node.element.classList.remove("lifted");
    for (const { element } of this.edges) element.firstElementChild.setAttribute("d", element.lastElementChild.getAttribute("d"));
    document.getElementById("edges").append(...this.edges.map((edge) => edge.element));
  }

  cancel() {
    this.end();
    this.back();
  }
}

function likeness(element) {
  const made = element.cloneNode(true);
  for (const each of [made, ...made.querySelectorAll("[id]")]) each.removeAttribute("id");
  return made;
}

/** An edge that is drawn from a port, or whose end is taken elsewhere. */
export class DrawEdge {
  cursor = "crosshair";

  constructor(hand, event, { from, port, edge = null }) {
    this.hand = hand;
    this.from = from;
    this.port = port;
    this.edge = edge;
    this.start = portOf(hand.graph.node(from), port);
    const before = hand.graph.reach([from], true);
    const taken = new Set(hand.graph.from(from).filter((each) => each.port === port).map((each) => each.to));
    this.legal = new Set(hand.graph.all().filter((node) => node.enters && !before.has(node.id) && !taken.has(node.id)).map((node) => node.id));
    this.line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    this.line.classList.add("drawn");
    document.getElementById("lift").append(this.line);
    for (const node of hand.graph.all()) node.element.classList.add(this.legal.has(node.id) ? "legal" : "illegal");
    edge?.element.classList.add("grabbed");
  }

  /** Take an edge at its end; anywhere else an edge is not to be dragged. */
  static grab(hand, event, element) {
    const edge = hand.graph.lines().find((each) => each.element === element);
    const target = edge && hand.graph.node(edge.to);
    if (!target) return null;
    const [x, y] = hand.view.toWorld(event.clientX, event.clientY);
    const [ex, ey] = entryOf(target);
    if (Math.hypot(x - ex, y - ey) > END) return null;
    return new DrawEdge(hand, event, { from: edge.from, port: edge.port, edge });
  }

  move(event) {
    const { graph, view } = this.hand;
    this.at = view.toWorld(event.clientX, event.clientY);
    const node = graph.nodeAt(this.at);
    const target = node && this.legal.has(node.id) ? node : null;
    this.line.setAttribute("d", path(corners(this.start, target ? entryOf(target) : this.at)));
    if (target !== this.target) {
      this.target?.element.classList.remove("target");
      target?.element.classList.add("target");
      this.target = target;
    }
    this.isOver = node;
  }

  drop() {
    this.end();
    const { sender, commands } = this.hand;
    const edge = this.edge && [this.edge.from, this.edge.port, this.edge.to];
    if (this.target) {
      if (edge) sender.send("reconnect", { edge, to: this.target.id });
      else sender.send("connect", { from: this.from, port: this.port, to: this.target.id });
    } else if (edge && !this.isOver) sender.send("disconnect", { edge });
    else if (!edge && !this.isOver && this.at) commands.addAfter(this.from, this.port, this.at);
  }

  end() {
    this.line.remove();
    this.edge?.element.classList.remove("grabbed");
    for (const node of this.hand.graph.all()) node.element.classList.remove("legal", "illegal", "target");
  }

  cancel() {
    this.end();
  }
}

/** A node type: onto the canvas, onto an edge, onto a port, or onto a node to change its type. */
export class PlaceType {
  cursor = "grabbing";

  constructor(hand, button) {
    this.hand = hand;
    this.type = button.dataset.type;
    this.isTrigger = button.dataset.family === "trigger";
    this.ghost = button.cloneNode(true);
    this.ghost.className = "taken";
    this.ghost.setAttribute("aria-hidden", "true");
    this.ghost.tabIndex = -1;
    document.getElementById("canvas-page").append(this.ghost);
    this.spot = {};
  }

  move(event) {
    const { view } = this.hand;
    this.ghost.style.transform = `translate(${event.clientX - 110}px,${event.clientY - 20}px) rotate(-1.5deg)`;
    const { left, top, right, bottom } = view.box;
    const isInside = event.clientX > left && event.clientX < right && event.clientY > top && event.clientY < bottom;
    this.show(isInside ? this.look(view.toWorld(event.clientX, event.clientY)) : {});
  }

  /** Find what the type would be dropped on. */
  look(at) {
    const { graph } = this.hand;
    if (!this.isTrigger) {
      for (const node of graph.all()) {
        for (const way of node.ways) {
          const [x, y] = portOf(node, way.key);
          if (Math.hypot(x - at[0], y - at[1]) < BESIDE) return { at, port: way, node };
        }
      }
      const edge = graph.edgeAt(at, BESIDE);
      if (edge && !graph.nodeAt(at)) return { at, edge };
    }
    return { at, over: graph.nodeAt(at) };
  }

  show(spot) {
    for (const element of this.marked ?? []) element.classList.remove("drop");
    this.marked = [spot.edge?.element, spot.port?.element].filter(Boolean);
    for (const element of this.marked) element.classList.add("drop");
    this.spot = spot;
  }

  drop() {
    const { at, edge, port, node, over } = this.spot;
    this.cancel();
    if (!at) return;
    const { commands } = this.hand;
    if (edge) commands.make("insert", { type: this.type, edge: [edge.from, edge.port, edge.to] });
    else if (port) commands.make("add", { type: this.type, after: [node.id, port.key] });
    else if (over) commands.make("replace", { id: over.id, type: this.type });
    else commands.make("add", { type: this.type, x: Math.round(at[0] - WIDTH / 2), y: Math.round(at[1] - 20) });
  }

  cancel() {
    this.show({});
    this.ghost.remove();
  }
}

/** Move a rectangle to where it snaps. Gives its place and the lines to draw. */
function snap(box, others, free) {
  if (free) return { x: Math.round(box.x), y: Math.round(box.y), lines: [] };
  const lines = [];
  const x = along(box.x, box.w, others.map((other) => [other.x, other.w]), (at) => lines.push({ x: at }));
  const y = along(box.y, box.h, others.map((other) => [other.y, other.h]), (at) => lines.push({ y: at }));
  return { x: x ?? Math.round(box.x / GRID) * GRID, y: y ?? Math.round(box.y / GRID) * GRID, lines };
}

function along(start, size, others, draw) {
  let best = null;
  let least = NEAR + 1;
  for (const [other, length] of others) {
    for (const [mine, theirs] of [[start + size / 2, other + length / 2], [start, other], [start + size, other + length]]) {
      const away = Math.abs(mine - theirs);
      if (away < least) [best, least] = [{ at: theirs, to: start + theirs - mine }, away];
    }
  }
  if (!best) return null;
  draw(best.at);
  return Math.round(best.to);
}

/** Draw the lines, or take them away; what is only moved is not laid out again. */
function guide(view, lines) {
  const [down, across] = document.getElementById("guides").children;
  const x = lines.find((line) => line.x !== undefined)?.x;
  const y = lines.find((line) => line.y !== undefined)?.y;
  down.style.visibility = x === undefined ? "" : "visible";
  across.style.visibility = y === undefined ? "" : "visible";
  if (x !== undefined) down.style.transform = `translate(${x * view.k + view.x}px)`;
  if (y !== undefined) across.style.transform = `translate(0, ${y * view.k + view.y}px)`;
}
