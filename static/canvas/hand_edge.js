// Draw an edge from a port, or take the end of one elsewhere.

import { entryOf, portOf } from "./graph.js";
import { corners, path } from "./paths.js";

const END = 28;

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
