// A small map of the whole drawing, with a frame around what is seen; a click goes there.

const [WIDTH, HEIGHT] = [150, 96];

export class Minimap {
  constructor({ graph, view }) {
    Object.assign(this, { graph, view });
    this.svg = document.querySelector("#minimap svg");
    this.svg.addEventListener("pointerdown", (event) => this.go(event));
    this.svg.addEventListener("pointermove", (event) => event.buttons && this.go(event));
    view.onChange(() => this.frame());
  }

  draw() {
    const nodes = this.graph.all();
    this.box = this.graph.around();
    this.svg.parentElement.hidden = nodes.length < 6;
    if (!this.box || nodes.length < 6) return;
    const pad = 80;
    const { x, y, w, h } = this.box;
    this.svg.setAttribute("viewBox", `${x - pad} ${y - pad} ${w + 2 * pad} ${h + 2 * pad}`);
    this.svg.setAttribute("width", WIDTH);
    this.svg.setAttribute("height", HEIGHT);
    const d = nodes.map((node) => `M${node.x} ${node.y}h${node.w}v${node.h}h${-node.w}z`).join("");
    this.svg.innerHTML = `<path class="cards" d="${d}"/><rect class="seen" vector-effect="non-scaling-stroke"/>`;
    this.frame();
  }

  frame() {
    cancelAnimationFrame(this.waiting);
    this.waiting = requestAnimationFrame(() => {
      const seen = this.svg.querySelector(".seen");
      if (!seen) return;
      const { view } = this;
      const { width, height } = view.viewport.getBoundingClientRect();
      seen.setAttribute("x", -view.x / view.k);
      seen.setAttribute("y", -view.y / view.k);
      seen.setAttribute("width", width / view.k);
      seen.setAttribute("height", height / view.k);
    });
  }

  go(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    const { width, height } = this.view.viewport.getBoundingClientRect();
    this.view.set(width / 2 - point.x * this.view.k, height / 2 - point.y * this.view.k);
  }
}
