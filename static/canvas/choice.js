// What is chosen: nodes and edges, the one that has the focus, and what the inspector shows of it.

export class Choice {
  constructor(graph, sender) {
    this.graph = graph;
    this.sender = sender;
    this.ids = new Set();
    this.edge = null;
    this.current = null;
    this.listeners = [];
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  set(ids, { focus = false, current = null } = {}) {
    this.ids = new Set([...ids].filter((id) => this.graph.node(id)));
    this.edge = null;
    this.current = current ?? [...this.ids].at(-1) ?? null;
    this.show();
    if (focus && this.current) this.focus(this.current);
  }

  toggle(id) {
    const ids = new Set(this.ids);
    if (!ids.delete(id)) ids.add(id);
    this.set(ids);
  }

  clear() {
    this.set([]);
  }

  chooseEdge(edge) {
    this.ids = new Set();
    this.current = null;
    this.edge = edge ? { from: edge.from, port: edge.port, to: edge.to } : null;
    this.show();
  }

  focus(id) {
    const face = this.graph.node(id)?.element.querySelector(".card-face");
    face?.focus({ preventScroll: true });
  }

  /** Draw what is chosen; called again after elements were replaced. */
  show() {
    for (const node of this.graph.all()) {
      const is = this.ids.has(node.id);
      const face = node.element.querySelector(".card-face");
      node.element.classList.toggle("chosen", is);
      if ((face.getAttribute("aria-pressed") === "true") !== is) face.setAttribute("aria-pressed", String(is));
      face.tabIndex = node.id === this.current ? 0 : -1;
    }
    for (const edge of this.graph.lines()) edge.element.classList.toggle("chosen", isSame(edge, this.edge));
    for (const listener of this.listeners) listener(this);
  }

  /** Forget what is not there any more, and draw again. */
  refresh() {
    for (const id of this.ids) if (!this.graph.node(id)) this.ids.delete(id);
    if (this.current && !this.graph.node(this.current)) this.current = [...this.ids].at(-1) ?? null;
    if (this.edge && !this.graph.lines().some((edge) => isSame(edge, this.edge))) this.edge = null;
    this.show();
  }
}

export function isSame(edge, other) {
  return Boolean(edge && other) && edge.from === other.from && edge.port === other.port && edge.to === other.to;
}
