// The view: where the world lies under the viewport, and how far it is zoomed.

export const LEAST = 0.1;
export const MOST = 2.5;
const REST = 150;
const MOTION = 220;
const GRID = 22;
const CLOSE = 11; // dots are not drawn closer than this

export class View {
  constructor(viewport, world, key) {
    this.viewport = viewport;
    this.world = world;
    this.key = `view/${key}`;
    this.x = 0;
    this.y = 0;
    this.k = 1;
    this.listeners = [];
    this.resting = 0;
    this.frame = 0;
    this.grid = document.getElementById("grid");
    this.level = document.getElementById("zoom-level");
    this.look();
    new ResizeObserver(() => this.look()).observe(viewport);
  }

  /** Note where the viewport lies: asked for in the midst of a move, the browser would lay out the page to tell. */
  look() {
    this.box = this.viewport.getBoundingClientRect();
  }

  /** Give the world and the edges' ground a real size: without one, every frame is dear. */
  measure() {
    const [x, y, width, height] = document.getElementById("bounds").value.split(" ").map(Number);
    Object.assign(this.world.style, { width: `${x + width}px`, height: `${y + height}px` });
    for (const svg of this.world.querySelectorAll("#edges-ground, #lift")) {
      svg.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
      Object.assign(svg.style, { left: `${x}px`, top: `${y}px`, width: `${width}px`, height: `${height}px` });
    }
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  /** Take up the view this tab had before, if it had one. */
  restore() {
    const kept = JSON.parse(sessionStorage.getItem(this.key) || "null");
    if (kept) this.set(kept.x, kept.y, kept.k);
    return Boolean(kept);
  }

  set(x, y, k = this.k) {
    [this.x, this.y, this.k] = [x, y, Math.min(MOST, Math.max(LEAST, k))];
    // A layer of its own only while it moves: left on, text stays blurred and big drawings stutter.
    if (!this.resting) for (const layer of [this.world, this.grid]) layer.style.willChange = "transform";
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), REST);
    this.place();
    this.detail();
    for (const listener of this.listeners) listener(this);
  }

  rest() {
    this.resting = 0;
    for (const layer of [this.world, this.grid]) layer.style.willChange = "";
    const ratio = window.devicePixelRatio || 1;
    this.x = Math.round(this.x * ratio) / ratio;
    this.y = Math.round(this.y * ratio) / ratio;
    this.place();
    sessionStorage.setItem(this.key, JSON.stringify({ x: this.x, y: this.y, k: this.k }));
  }

  /** Put world and dots where they belong. What says how far it is zoomed is only written when it changes. */
  place() {
    this.world.style.transform = `translate(${this.x}px,${this.y}px) scale(${this.k})`;
    let step = GRID * this.k;
    while (step < CLOSE) step *= 2;
    this.grid.style.transform = `translate(${this.x % step}px,${this.y % step}px)`;
    if (this.drawn === this.k) return;
    this.drawn = this.k;
    this.grid.style.backgroundSize = `${step}px ${step}px`;
    this.level.textContent = `${Math.round(this.k * 100)}%`;
  }

  /** Hide what cannot be read when far away; with some play, so that it does not flicker. */
  detail() {
    const now = Number(this.world.dataset.far || 0);
    const far = this.k < (now >= 2 ? 0.315 : 0.285) ? 2 : this.k < (now >= 1 ? 0.5775 : 0.5225) ? 1 : 0;
    if (far !== now) this.world.dataset.far = far;
  }

  pan(dx, dy) {
    this.stop();
    this.set(this.x + dx, this.y + dy);
  }

  /** Zoom so that what is under the point stays under it. */
  zoomAt(px, py, factor) {
    this.stop();
    const k = Math.min(MOST, Math.max(LEAST, this.k * factor));
    this.set(px - ((px - this.x) * k) / this.k, py - ((py - this.y) * k) / this.k, k);
  }

  zoomBy(factor) {
    const { width, height } = this.box;
    this.zoomAt(width / 2, height / 2, factor);
  }

  /** Turn a point of the window into one of the world. */
  toWorld(clientX, clientY) {
    const { left, top } = this.box;
    return [(clientX - left - this.x) / this.k, (clientY - top - this.y) / this.k];
  }

  centre() {
    const { left, top, width, height } = this.box;
    return this.toWorld(left + width / 2, top + height / 2);
  }

  /** Show a rectangle of the world as large as it goes, but not larger than life. */
  fit(box, animated = true, most = 1) {
    const { width, height } = this.room();
    const pad = 48;
    const k = Math.min(most, (width - 2 * pad) / Math.max(1, box.w), (height - 2 * pad) / Math.max(1, box.h));
    this.go(width / 2 - (box.x + box.w / 2) * k, height / 2 - (box.y + box.h / 2) * k, k, animated);
  }

  /** Give the size of the viewport without what is covered at its foot by bars of tools and the line of days. */
  room() {
    const { width, bottom, height } = this.box;
    const covers = [...this.viewport.parentElement.querySelectorAll(":scope > :is(.bar, .day-line):not([hidden], #minimap)")];
    return { width, height: height - Math.max(0, ...covers.map((each) => bottom - each.getBoundingClientRect().top)) };
  }

  /** Show the beginning of a drawing that is too big to be read as a whole. */
  begin(box, readable = 0.7) {
    const { width, height } = this.room();
    if (Math.min((width - 96) / Math.max(1, box.w), (height - 96) / Math.max(1, box.h)) >= readable) {
      this.fit(box, false);
      return;
    }
    const k = Math.max(readable, Math.min(1, (width - 96) / Math.max(1, box.w)));
    const x = box.w * k < width ? width / 2 - (box.x + box.w / 2) * k : width / 2 - box.top * k;
    this.go(x, 40 - box.y * k, k, false);
  }

  /** Bring a rectangle into view, moving no more than it takes. */
  reveal(box) {
    const { width, height } = this.room();
    const pad = 40;
    const [left, top] = [box.x * this.k + this.x, box.y * this.k + this.y];
    const [right, bottom] = [left + box.w * this.k, top + box.h * this.k];
    const dx = left < pad ? pad - left : right > width - pad ? width - pad - right : 0;
    const dy = top < pad ? pad - top : bottom > height - pad ? height - pad - bottom : 0;
    if (dx || dy) this.go(this.x + dx, this.y + dy, this.k, true);
  }

  go(x, y, k, animated) {
    this.stop();
    if (!animated || matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.set(x, y, k);
      return;
    }
    const from = [this.x, this.y, this.k];
    const began = performance.now();
    const step = (now) => {
      const share = Math.min(1, (now - began) / MOTION);
      const eased = 1 - (1 - share) ** 3;
      const [nx, ny, nk] = [x, y, k].map((value, place) => from[place] + (value - from[place]) * eased);
      this.set(nx, ny, nk);
      this.frame = share < 1 ? requestAnimationFrame(step) : 0;
    };
    this.frame = requestAnimationFrame(step);
  }

  stop() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }
}

const [WIDTH, HEIGHT, INSET, PAD] = [150, 96, 6, 80];

/** A small map of the whole drawing, with a frame around what is seen; a click goes there. Where all is seen it is not. */
export class Minimap {
  constructor({ graph, view }) {
    Object.assign(this, { graph, view });
    this.map = document.getElementById("minimap");
    [this.svg, this.seen] = this.map.children;
    this.svg.addEventListener("pointerdown", (event) => this.go(event));
    this.svg.addEventListener("pointermove", (event) => event.buttons && this.go(event));
    view.onChange(() => this.frame());
  }

  draw() {
    const nodes = this.graph.all();
    this.box = this.graph.around();
    if (!this.box) {
      this.map.hidden = true;
      return;
    }
    const { x, y, w, h } = this.box;
    this.svg.setAttribute("viewBox", `${x - PAD} ${y - PAD} ${w + 2 * PAD} ${h + 2 * PAD}`);
    this.svg.setAttribute("width", WIDTH);
    this.svg.setAttribute("height", HEIGHT);
    const d = nodes.map((node) => `M${node.x} ${node.y}h${node.w}v${node.h}h${-node.w}z`).join("");
    this.svg.innerHTML = `<path class="cards" d="${d}"/>`;
    this.frame();
  }

  frame() {
    cancelAnimationFrame(this.waiting);
    this.waiting = requestAnimationFrame(() => {
      if (!this.box) return;
      const { view, box, seen } = this;
      const [left, top] = [-view.x / view.k, -view.y / view.k];
      const [width, height] = [view.box.width / view.k, view.box.height / view.k];
      const share = Math.min(WIDTH / (box.w + 2 * PAD), HEIGHT / (box.h + 2 * PAD));
      const x = INSET + WIDTH / 2 + (left - box.x - box.w / 2) * share;
      const y = INSET + HEIGHT / 2 + (top - box.y - box.h / 2) * share;
      seen.style.transform = `translate(${x}px,${y}px)`;
      if (this.size !== width * share + height * share) {
        this.size = width * share + height * share;
        Object.assign(seen.style, { width: `${width * share}px`, height: `${height * share}px` });
      }
      const isAllSeen = box.x >= left && box.y >= top && box.x + box.w <= left + width && box.y + box.h <= top + height;
      if (this.map.hidden !== isAllSeen) this.map.hidden = isAllSeen;
    });
  }

  go(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    const { width, height } = this.view.box;
    this.view.set(width / 2 - point.x * this.view.k, height / 2 - point.y * this.view.k);
  }
}
