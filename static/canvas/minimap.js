// A small map of the whole drawing, with a frame around what is seen; a click goes there. Where all is seen it is not.

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
    if (!this.box) {
      this.svg.replaceChildren(); // a frame that is still to come finds nothing to draw around
      this.svg.parentElement.hidden = true;
      return;
    }
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
      const frame = { x: -view.x / view.k, y: -view.y / view.k, width: width / view.k, height: height / view.k };
      for (const [name, value] of Object.entries(frame)) seen.setAttribute(name, value);
      const { x, y, w, h } = this.box;
      const isAllSeen = x >= frame.x && y >= frame.y && x + w <= frame.x + frame.width && y + h <= frame.y + frame.height;
      this.svg.parentElement.hidden = isAllSeen;
    });
  }

  go(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM().inverse());
    const { width, height } = this.view.viewport.getBoundingClientRect();
    this.view.set(width / 2 - point.x * this.view.k, height / 2 - point.y * this.view.k);
  }
}
