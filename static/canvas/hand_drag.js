// Drag nodes: they snap, edges follow, the canvas scrolls at its border; on an edge a loose node is inserted.

import { entryOf, portOf } from "./graph.js";
import { corners, path } from "./paths.js";
import { guide, snap } from "./snap.js";

const BORDER = 48;
const ONTO = 24;

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
    this.edges = this.attached();
    this.lift();
  }

  attached() {
    const { graph, choice } = this.hand;
    return graph
      .lines()
      .filter((edge) => choice.ids.has(edge.from) || choice.ids.has(edge.to))
      .map((edge) => ({ ...edge, d: edge.element.lastElementChild.getAttribute("d") }));
  }

  /** Put what moves into a layer of its own, so that a move paints little. */
  lift() {
    for (const node of this.nodes) node.element.classList.add("dragged");
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
    for (const node of this.nodes) node.element.style.transform = `translate(${dx}px,${dy}px)`;
    for (const edge of this.edges) this.follow(edge);
  }

  follow(edge) {
    const { graph, choice } = this.hand;
    const [dx, dy] = this.offset;
    const [from, to] = [graph.node(edge.from), graph.node(edge.to)];
    if (!from || !to) return;
    const shift = (point, id) => (choice.ids.has(id) ? [point[0] + dx, point[1] + dy] : point);
    const d = path(corners(shift(portOf(from, edge.port), edge.from), shift(entryOf(to), edge.to)));
    for (const line of edge.element.children) line.setAttribute("d", d);
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
    const { left, top, right, bottom } = this.hand.view.viewport.getBoundingClientRect();
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
    for (const node of this.nodes) {
      node.element.classList.remove("dragged");
      node.element.style.transform = "";
    }
    document.getElementById("edges").append(...this.edges.map((edge) => edge.element));
  }

  cancel() {
    this.end();
    this.back();
  }
}
