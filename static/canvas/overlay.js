// Live numbers over a period: how many entered and rest at each node, passed each edge, what became of messages;
// and the contacts behind a number.

import { placeChip } from "./graph.js";

const OFTEN = 2000;

export class Overlay {
  constructor(tools) {
    Object.assign(this, tools);
    this.isOn = sessionStorage.getItem("overlay") === "1";
    this.button = document.querySelector('[data-command="overlay"]');
    this.period = document.getElementById("period");
    this.period.value = sessionStorage.getItem("period") ?? "all";
    this.period.addEventListener("change", () => this.choosePeriod());
    this.dialog = document.getElementById("people-dialog");
    document.addEventListener("click", (event) => this.click(event));
    this.show();
  }

  toggle() {
    this.isOn = !this.isOn;
    sessionStorage.setItem("overlay", this.isOn ? "1" : "0");
    this.show();
  }

  choosePeriod() {
    sessionStorage.setItem("period", this.period.value);
    this.show();
  }

  show() {
    this.button?.setAttribute("aria-pressed", String(this.isOn));
    this.page.classList.toggle("with-numbers", this.isOn);
    this.period.hidden = !this.isOn;
    clearTimeout(this.timer);
    if (this.isOn) this.look();
    else if (this.counts) this.clear();
  }

  url(name, facts) {
    const period = this.isOn ? this.period.value : "all";
    return `/flows/${this.page.dataset.flow}/${name}?${new URLSearchParams({ period, ...facts })}`;
  }

  async look() {
    const asked = this.period.value;
    if (!document.hidden) {
      const response = await fetch(this.url("counts")).catch(() => null);
      if (asked !== this.period.value) return;
      if (response?.ok && this.isOn) {
        this.counts = await response.json();
        this.draw();
      }
    }
    clearTimeout(this.timer);
    if (this.isOn) this.timer = setTimeout(() => this.look(), OFTEN);
  }

  /** Write the numbers onto cards and edges. */
  draw() {
    if (!this.isOn || !this.counts) return;
    this.numbers ??= new Intl.NumberFormat(document.documentElement.lang);
    const { nodes, tones, edges } = this.counts;
    for (const node of this.graph.all()) {
      const said = nodes[node.id] ?? "";
      const bubble = node.element.querySelector(".rests");
      bubble.hidden = !said;
      if (bubble.textContent !== said) bubble.textContent = said;
      bubble.dataset.tone = tones[node.id] ?? "";
    }
    const most = Math.max(1, ...edges.map((edge) => edge[3]));
    const by = new Map(edges.map(([from, port, to, passed]) => [`${from}\n${port}\n${to}`, passed]));
    const chips = [];
    for (const edge of this.graph.lines()) {
      const passed = by.get(`${edge.from}\n${edge.port}\n${edge.to}`) ?? 0;
      edge.element.style.setProperty("--share", passed ? 2 + (10 * passed) / most : 0);
      edge.element.classList.toggle("carries", passed > 0);
      if (passed) chips.push([edge, this.numbers.format(passed)]);
    }
    this.drawChips(chips);
  }

  /** Keep the chips of edges that have one already: it may be just being pressed. */
  drawChips(chips) {
    const ground = document.getElementById("chips");
    const before = new Map([...ground.children].map((chip) => [chip.dataset.edge, chip]));
    for (const [edge, words] of chips) {
      const { id } = edge.element;
      const chip = before.get(id) ?? ground.appendChild(makeChip());
      before.delete(id);
      placeChip(chip, edge.element);
      Object.assign(chip.dataset, { edge: id, of: edge.from, port: edge.port });
      if (chip.textContent !== words) chip.textContent = words;
    }
    for (const chip of before.values()) chip.remove();
  }

  clear() {
    document.getElementById("chips").replaceChildren();
    for (const node of this.graph.all()) node.element.querySelector(".rests").hidden = true;
    for (const edge of this.graph.lines()) edge.element.classList.remove("carries");
  }

  /** List the contacts of what is chosen: those who passed an edge, those who rest at a node. */
  list() {
    const { edge, current } = this.choice;
    if (edge) this.people("passed", { node: edge.from, port: edge.port });
    else if (current) this.people("resting", { node: current });
  }

  click(event) {
    const asked = event.target.closest("[data-people]");
    if (!asked) return;
    const { people, of: node, port, after } = asked.dataset;
    this.people(people, { node, ...(port && { port }), ...(after && { after }) }, after ? asked.parentElement : null);
  }

  /** Show a list of contacts; `place` is where more of a list that is shown already goes. */
  async people(name, facts, place = null) {
    const response = await fetch(this.url(name, facts), { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!response?.ok) return;
    const made = document.createRange().createContextualFragment(await response.text());
    if (place) place.replaceWith(made);
    else document.getElementById("people").replaceChildren(made);
    if (!this.dialog.open) this.dialog.showModal();
  }
}

function makeChip() {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "chip";
  made.tabIndex = -1;
  made.dataset.people = "passed";
  return made;
}
