// Live numbers: how many rest at each node, how many passed each edge, and what became of messages.

const OFTEN = 2000;

export class Overlay {
  constructor(tools) {
    Object.assign(this, tools);
    this.isOn = sessionStorage.getItem("overlay") === "1";
    this.numbers = new Intl.NumberFormat(document.documentElement.lang);
    this.button = document.querySelector('[data-command="overlay"]');
    this.show();
  }

  toggle() {
    this.isOn = !this.isOn;
    sessionStorage.setItem("overlay", this.isOn ? "1" : "0");
    this.show();
  }

  show() {
    this.button?.setAttribute("aria-pressed", String(this.isOn));
    this.page.classList.toggle("with-numbers", this.isOn);
    clearTimeout(this.timer);
    if (this.isOn) this.look();
    else this.clear();
  }

  async look() {
    if (!document.hidden) {
      const response = await fetch(`/flows/${this.page.dataset.flow}/counts`).catch(() => null);
      if (response?.ok && this.isOn) {
        this.counts = await response.json();
        this.draw();
      }
    }
    if (this.isOn) this.timer = setTimeout(() => this.look(), OFTEN);
  }

  /** Write the numbers onto cards and edges. */
  draw() {
    if (!this.isOn || !this.counts) return;
    const { nodes, edges } = this.counts;
    for (const node of this.graph.all()) {
      const mine = nodes[node.id];
      const bubble = node.element.querySelector(".rests");
      bubble.hidden = !mine?.resting && !mine?.said;
      const words = [mine?.resting ? `${this.numbers.format(mine.resting)} ${this.commands.words.here}` : "", mine?.said ?? ""];
      const said = words.filter(Boolean).join(" · ");
      if (bubble.textContent !== said) bubble.textContent = said;
    }
    const most = Math.max(1, ...edges.map((edge) => edge[3]));
    const by = new Map(edges.map(([from, port, to, passed]) => [`${from}\n${port}\n${to}`, passed]));
    const chips = [];
    for (const edge of this.graph.lines()) {
      const passed = by.get(`${edge.from}\n${edge.port}\n${edge.to}`) ?? 0;
      edge.element.style.setProperty("--share", passed ? 2 + (10 * passed) / most : 0);
      edge.element.classList.toggle("carries", passed > 0);
      if (passed) chips.push(chip(edge, this.numbers.format(passed)));
    }
    document.getElementById("chips").replaceChildren(...chips);
  }

  clear() {
    document.getElementById("chips").replaceChildren();
    for (const node of this.graph.all()) node.element.querySelector(".rests").hidden = true;
    for (const edge of this.graph.lines()) edge.element.classList.remove("carries");
  }
}

function chip(edge, words) {
  const [x, y] = edge.element.dataset.mid.split(" ");
  const made = document.createElement("span");
  made.className = "chip";
  made.style.left = `${x}px`;
  made.style.top = `${y}px`;
  made.textContent = words;
  return made;
}
