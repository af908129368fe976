// The drawing as the page shows it: places, ports and neighbours, read from the elements.

const corners = new WeakMap();
const nodes = new WeakMap();

export class Graph {
  constructor() {
    this.stale = true;
  }

  /** Read everything anew when it is asked for next. */
  changed() {
    this.stale = true;
  }

  read() {
    if (!this.stale) return;
    this.stale = false;
    this.nodes = new Map();
    for (const element of document.querySelectorAll("#cards > .n")) this.nodes.set(element.dataset.id, nodeOf(element));
    this.edges = [...document.querySelectorAll("#edges > .e")].map((element) => ({
      element,
      from: element.dataset.from,
      port: element.dataset.port,
      to: element.dataset.to,
    }));
    this.leaving = Map.groupBy(this.edges, (edge) => edge.from);
    this.entering = Map.groupBy(this.edges, (edge) => edge.to);
  }

  node(id) {
    this.read();
    return this.nodes.get(id);
  }

  all() {
    this.read();
    return [...this.nodes.values()];
  }

  lines() {
    this.read();
    return this.edges;
  }

  from(id) {
    this.read();
    return this.leaving.get(id) ?? [];
  }

  to(id) {
    this.read();
    return this.entering.get(id) ?? [];
  }

  /** Find everything that follows nodes, or with `back` everything that leads to them; they are part of it. */
  reach(ids, back = false) {
    const found = new Set();
    const waiting = [...ids];
    while (waiting.length) {
      const id = waiting.pop();
      if (found.has(id)) continue;
      found.add(id);
      for (const edge of back ? this.to(id) : this.from(id)) waiting.push(back ? edge.from : edge.to);
    }
    return found;
  }

  /** Give the rectangle around nodes; `top` is the middle of the uppermost. */
  around(ids) {
    const boxes = (ids ?? this.all().map((node) => node.id)).map((id) => this.node(id)).filter(Boolean);
    if (!boxes.length) return null;
    const x = Math.min(...boxes.map((box) => box.x));
    const y = Math.min(...boxes.map((box) => box.y));
    const first = boxes.reduce((best, box) => (box.y < best.y ? box : best));
    return {
      x,
      y,
      w: Math.max(...boxes.map((box) => box.x + box.w)) - x,
      h: Math.max(...boxes.map((box) => box.y + box.h)) - y,
      top: first.x + first.w / 2,
    };
  }

  /** Find the edge nearest to a point, within reach. */
  edgeAt([x, y], within) {
    let best = null;
    let least = within;
    for (const edge of this.lines()) {
      const away = distance([x, y], cornersOf(edge.element));
      if (away < least) [best, least] = [edge, away];
    }
    return best;
  }

  /** Find the node under a point. */
  nodeAt([x, y]) {
    return this.all().findLast((node) => x >= node.x && x <= node.x + node.w && y >= node.y && y <= node.y + node.h);
  }
}

/** Read a node; one that was neither drawn anew nor moved since is as it was. */
function nodeOf(element) {
  const drawn = `${element.dataset.rev} ${element.getAttribute("style")}`;
  const before = nodes.get(element);
  if (before?.drawn === drawn) return before.node;
  const node = readNode(element);
  nodes.set(element, { drawn, node });
  return node;
}

function readNode(element) {
  const style = element.style;
  let ways = null;
  return {
    id: element.dataset.id,
    element,
    face: element.querySelector(".card-face"),
    x: parseFloat(style.left),
    y: parseFloat(style.top),
    w: parseFloat(style.width),
    h: parseFloat(style.height),
    // Only a few nodes are ever asked for their ports.
    get ways() {
      ways ??= [...element.querySelectorAll(".out")].map(readWay);
      return ways;
    },
    enters: element.dataset.entry === "1",
    name: element.dataset.name,
  };
}

function readWay(port) {
  return { key: port.dataset.port, x: parseFloat(port.style.getPropertyValue("--x")), element: port };
}

/** Say where a port lies in the world. */
export function portOf(node, key) {
  const way = node.ways.find((each) => each.key === key);
  return [node.x + (way ? way.x : node.w / 2), node.y + node.h];
}

/** Say where edges come in. */
export function entryOf(node) {
  return [node.x + node.w / 2, node.y];
}

/** Put a chip on the middle of its edge. */
export function placeChip(chip, edge) {
  const [x, y] = edge.dataset.mid.split(" ");
  chip.style.setProperty("--x", `${x}px`);
  chip.style.top = `${y - 10}px`;
}

function cornersOf(element) {
  const d = element.lastElementChild.getAttribute("d");
  const known = corners.get(element);
  if (known?.d === d) return known.points;
  const numbers = d.match(/-?\d+(\.\d+)?/g).map(Number);
  const points = [];
  for (let place = 0; place < numbers.length; place += 2) points.push([numbers[place], numbers[place + 1]]);
  corners.set(element, { d, points });
  return points;
}

function distance([x, y], points) {
  let least = Infinity;
  for (let place = 1; place < points.length; place++) {
    const [[x1, y1], [x2, y2]] = [points[place - 1], points[place]];
    const length = (x2 - x1) ** 2 + (y2 - y1) ** 2;
    const share = length ? Math.max(0, Math.min(1, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length)) : 0;
    least = Math.min(least, Math.hypot(x - x1 - share * (x2 - x1), y - y1 - share * (y2 - y1)));
  }
  return least;
}

/** What is chosen: nodes and edges, the one that has the focus, and what the inspector shows of it. */
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
    this.graph.node(id)?.face.focus({ preventScroll: true });
  }

  /** Draw what is chosen; called again after elements were replaced. */
  show() {
    for (const node of this.graph.all()) {
      const [is, pressed] = [this.ids.has(node.id), String(this.ids.has(node.id))];
      const stop = node.id === this.current ? 0 : -1;
      node.element.classList.toggle("chosen", is);
      if (node.face.getAttribute("aria-pressed") !== pressed) node.face.setAttribute("aria-pressed", pressed);
      if (node.face.tabIndex !== stop) node.face.tabIndex = stop;
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
