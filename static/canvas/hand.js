// The hand: what happens between pointer-down and pointer-up. One state at a time; Esc puts everything back.

import { DragNodes, DrawEdge, PlaceType } from "./drags.js";

const FAR = 4;
const LONG = 350;

export class Hand {
  constructor(tools) {
    Object.assign(this, tools);
    this.isLocked = this.page.dataset.locked === "true";
    this.state = null;
    this.press = null;
    this.frame = 0;
    this.isPanning = false;
    this.space = false;
    this.touches = new Map();
    this.shield = document.getElementById("shield");
    const viewport = this.view.viewport;
    viewport.addEventListener("pointerdown", (event) => this.down(event));
    document.querySelector(".palette").addEventListener("pointerdown", (event) => this.take(event));
    window.addEventListener("pointermove", (event) => this.move(event));
    window.addEventListener("pointerup", (event) => this.up(event));
    window.addEventListener("pointercancel", () => this.cancel());
    window.addEventListener("blur", () => this.cancel());
    viewport.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    viewport.addEventListener("contextmenu", (event) => this.menu(event));
    viewport.addEventListener("dblclick", (event) => this.twice(event));
  }

  get isBusy() {
    return Boolean(this.state);
  }

  down(event) {
    this.touches.set(event.pointerId, [event.clientX, event.clientY]);
    if (this.touches.size === 2) {
      this.cancel();
      this.state = new Pinch(this);
      return;
    }
    if (this.state || this.press || event.target.closest(".chip")) return;
    const node = event.target.closest(".n");
    const port = event.target.closest(".out");
    const edge = event.target.closest(".e");
    this.press = { event, node, port, edge, at: [event.clientX, event.clientY] };
    const isEmpty = !node && !edge;
    const pans = event.button > 0 || this.space || (isEmpty && (this.isPanning || event.ctrlKey || event.metaKey));
    this.press.pans = pans || (isEmpty && event.pointerType === "touch");
    if (event.button === 1 || (isEmpty && event.button === 0)) event.preventDefault();
    if (isEmpty && !pans) this.view.viewport.focus({ preventScroll: true });
    if (event.pointerType === "touch") this.press.timer = setTimeout(() => this.hold(), LONG);
  }

  /** Take a type out of the palette. */
  take(event) {
    const type = event.target.closest(".type");
    if (!type || event.button !== 0 || this.state) return;
    this.press = { event, type, at: [event.clientX, event.clientY] };
  }

  hold() {
    if (!this.press || this.state) return;
    this.press.pans = false;
    this.start(this.press.event);
  }

  move(event) {
    if (this.touches.has(event.pointerId)) this.touches.set(event.pointerId, [event.clientX, event.clientY]);
    this.last = event;
    if (this.state) {
      // Once a frame: drawn at once, the page would be laid out for every event that comes in it.
      this.frame ||= requestAnimationFrame(() => this.follow());
      return;
    }
    if (!this.press || event.pointerId !== this.press.event.pointerId) return;
    const [x, y] = this.press.at;
    if (Math.hypot(event.clientX - x, event.clientY - y) < FAR) return;
    this.start(event);
    this.state?.move(event);
  }

  /** Let what is in hand follow to where the pointer was last. */
  follow() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    this.state?.move(this.last);
  }

  /** Begin what the press turned out to be. */
  start() {
    const { event, node, port, edge, type, pans } = this.press;
    clearTimeout(this.press.timer);
    if (type) this.state = this.isLocked ? null : new PlaceType(this, type);
    else if (pans) this.state = new Pan(this, event);
    else if (this.isLocked) this.state = node ? null : new Marquee(this, event);
    else if (port) this.state = new DrawEdge(this, event, { from: node.dataset.id, port: port.dataset.port });
    else if (edge && this.graph.lines().length) this.state = DrawEdge.grab(this, event, edge);
    else if (node) this.state = new DragNodes(this, event, node.dataset.id);
    else if (!edge) this.state = new Marquee(this, event);
    if (!this.state) return;
    this.shield.hidden = false;
    this.shield.dataset.cursor = this.state.cursor;
  }

  up(event) {
    this.touches.delete(event.pointerId);
    const { state, press } = this;
    if (press) clearTimeout(press.timer);
    if (state instanceof Pinch && this.touches.size) return;
    if (this.frame) this.follow();
    this.state = null;
    this.press = null;
    this.shield.hidden = true;
    if (state) state.drop(event);
    else if (press && event.pointerId === press.event.pointerId) this.click(press, event);
  }

  click({ node, port, edge, type, pans }, event) {
    if (type || event.button !== 0 || (pans && event.pointerType !== "touch")) return;
    if (port && !this.isLocked) this.commands.addAfter(node.dataset.id, port.dataset.port);
    else if (node) this.clickNode(node.dataset.id, event);
    else if (edge) this.choice.chooseEdge(edge.dataset);
    else if (!event.shiftKey) this.choice.clear();
  }

  clickNode(id, event) {
    if (event.altKey) this.choice.set(this.graph.reach([id]), { current: id, focus: true });
    else if (event.shiftKey || event.ctrlKey || event.metaKey) this.choice.toggle(id);
    else this.choice.set([id], { focus: true });
  }

  twice(event) {
    if (event.target.closest("[data-people]")) return;
    const node = event.target.closest(".n");
    const edge = event.target.closest(".e");
    if (node) this.commands.run("open");
    else if (this.isLocked) return;
    else if (edge) this.commands.insertOn(edge.dataset);
    else this.commands.addAt(this.view.toWorld(event.clientX, event.clientY));
  }

  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    const { left, top } = this.view.box;
    if ((event.ctrlKey || event.metaKey) !== (this.wheelZooms ?? false)) {
      this.view.zoomAt(event.clientX - left, event.clientY - top, Math.exp((-event.deltaY * unit) / 240));
    } else if (event.shiftKey) this.view.pan(-event.deltaY * unit, 0);
    else this.view.pan(-event.deltaX * unit, -event.deltaY * unit);
  }

  menu(event) {
    event.preventDefault();
  }

  /** Put everything back. Gives whether there was anything. */
  cancel() {
    const { state } = this;
    if (this.press) clearTimeout(this.press.timer);
    this.state = null;
    this.press = null;
    this.shield.hidden = true;
    state?.cancel();
    return Boolean(state);
  }
}

class Pan {
  cursor = "grabbing";

  constructor(hand, event) {
    this.view = hand.view;
    this.at = [event.clientX, event.clientY];
    this.from = [this.view.x, this.view.y];
  }

  move(event) {
    this.view.stop();
    this.view.set(this.from[0] + event.clientX - this.at[0], this.from[1] + event.clientY - this.at[1]);
  }

  drop() {}

  cancel() {
    this.view.set(...this.from);
  }
}

class Pinch {
  cursor = "grabbing";

  constructor(hand) {
    this.hand = hand;
    this.before = this.look();
  }

  look() {
    const [[x1, y1], [x2, y2]] = [...this.hand.touches.values()];
    return { x: (x1 + x2) / 2, y: (y1 + y2) / 2, away: Math.hypot(x1 - x2, y1 - y2) };
  }

  move() {
    if (this.hand.touches.size < 2) return;
    const now = this.look();
    const { view } = this.hand;
    const { left, top } = view.box;
    view.pan(now.x - this.before.x, now.y - this.before.y);
    view.zoomAt(now.x - left, now.y - top, now.away / Math.max(1, this.before.away));
    this.before = now;
  }

  drop() {}

  cancel() {}
}

class Marquee {
  cursor = "crosshair";

  constructor(hand, event) {
    this.hand = hand;
    this.box = document.getElementById("marquee");
    this.start = hand.view.toWorld(event.clientX, event.clientY);
    this.before = new Set(hand.choice.ids);
    this.adds = event.shiftKey;
  }

  move(event) {
    const { view, graph, choice } = this.hand;
    const end = view.toWorld(event.clientX, event.clientY);
    const [x1, x2] = [Math.min(this.start[0], end[0]), Math.max(this.start[0], end[0])];
    const [y1, y2] = [Math.min(this.start[1], end[1]), Math.max(this.start[1], end[1])];
    this.box.hidden = false;
    Object.assign(this.box.style, {
      left: `${x1 * view.k + view.x}px`,
      top: `${y1 * view.k + view.y}px`,
      width: `${(x2 - x1) * view.k}px`,
      height: `${(y2 - y1) * view.k}px`,
    });
    const met = graph.all().filter((node) => node.x < x2 && node.x + node.w > x1 && node.y < y2 && node.y + node.h > y1);
    const ids = new Set([...(this.adds ? this.before : []), ...met.map((node) => node.id)]);
    if (ids.size !== choice.ids.size || [...ids].some((id) => !choice.ids.has(id))) choice.set(ids);
  }

  drop() {
    this.box.hidden = true;
  }

  cancel() {
    this.box.hidden = true;
    this.hand.choice.set(this.before);
  }
}
