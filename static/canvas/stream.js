// What others do: their changes come as fragments, their presence and the live numbers as events of one stream.

import { csrf } from "/static/js/frame.js";

const OFTEN = 150;

export class Stream {
  constructor(tools) {
    Object.assign(this, tools);
    const { flow } = this.page.dataset;
    this.element = document.createElement("div");
    this.element.hidden = true;
    const address = `/flows/${flow}/stream?hand=${this.sender.tab}&base=${this.sender.revision}`;
    this.element.setAttribute("hx-sse:connect", address);
    this.element.setAttribute("hx-swap", "none");
    this.element.addEventListener("presence", (event) => this.present(JSON.parse(event.detail.data)));
    this.element.addEventListener("htmx:sse:before:message", (event) => this.drop(event));
    this.element.addEventListener("htmx:sse:after:message", (event) => this.came(event.detail.message));
    this.page.append(this.element);
    window.htmx.process(this.element);
    this.choice.onChange(() => this.tell());
  }

  /** Leave out what the answer to an own gesture has shown already. */
  drop(event) {
    const { id, event: name } = event.detail.message;
    if (!name && id && Number(id) <= this.sender.revision) event.preventDefault();
  }

  came({ id, event }) {
    if (event || !id || Number(id) <= this.sender.revision) return;
    this.sender.revision = Number(id);
    this.panels.renew();
  }

  /** Tell what this hand has chosen, not more often than is good. */
  tell() {
    const selected = [...this.choice.ids].join(" ");
    if (selected === this.told) return;
    this.told = selected;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const body = new URLSearchParams({ hand: this.sender.tab, selected });
      fetch(`/flows/${this.page.dataset.flow}/presence`, { method: "POST", body, headers: { "X-CSRF-Token": csrf() } }).catch(() => {});
    }, OFTEN);
  }

  present(all) {
    this.others = all.filter((each) => each.tab !== this.sender.tab);
    this.draw();
  }

  draw() {
    const others = this.others ?? [];
    document.getElementById("faces").replaceChildren(...others.map((each) => face(each, this.commands.words.somebody)));
    for (const node of this.graph.all()) {
      const busy = others.find((each) => each.selected.includes(node.id));
      if (!busy) {
        if (node.element.dataset.by) delete node.element.dataset.by;
        continue;
      }
      node.element.dataset.by = busy.name || this.commands.words.somebody;
      node.element.dataset.colour = busy.colour;
    }
  }
}

function face({ name, colour }, somebody) {
  const round = document.createElement("span");
  round.className = "face";
  round.dataset.colour = colour;
  round.title = name || somebody;
  round.textContent = [...(name || "·")][0].toUpperCase();
  return round;
}
