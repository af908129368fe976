// Take a node type out of the palette: onto the canvas, onto an edge, onto a port, or onto a node to change its type.

import { portOf } from "./graph.js";

const WIDTH = 248;
const NEAR = 28;

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
    const { left, top, right, bottom } = view.viewport.getBoundingClientRect();
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
          if (Math.hypot(x - at[0], y - at[1]) < NEAR) return { at, port: way, node };
        }
      }
      const edge = graph.edgeAt(at, NEAR);
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
