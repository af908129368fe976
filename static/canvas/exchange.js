// What goes to the server and what comes from it: gestures, and what others do.

import { csrf, toast } from "/static/js/frame.js";

const MOST = 50;
const AGAIN = 2000;
const OFTEN = 150;

/** Gestures to the server, one after the other; what cannot be sent waits until there is a connection again. */
export class Sender {
  constructor(page) {
    this.url = `/flows/${page.dataset.flow}/gestures`;
    this.revision = Number(page.dataset.revision);
    this.isLocked = page.dataset.locked === "true";
    this.tab = tabName();
    this.load = randomName(); // a copy of a tab has its name, but is another page
    this.open = "";
    this.queue = [];
    this.busy = false;
    this.listeners = [];
    this.guardSwaps();
    this.guardForms();
  }

  onDone(listener) {
    this.listeners.push(listener);
  }

  /** Do a gesture. The promise gives what the server told: the revision and new nodes; null when it was refused. */
  send(kind, args = {}, { burst = "" } = {}) {
    if (this.isLocked) return Promise.resolve(null);
    if (this.queue.length >= MOST) {
      toast(document.getElementById("offline").textContent, "err");
      return Promise.resolve(null);
    }
    return new Promise((resolve) => {
      this.queue.push({ kind, args, burst, resolve });
      this.next();
    });
  }

  async next() {
    if (this.busy || !this.queue.length) return;
    this.busy = true;
    const gesture = this.queue[0];
    try {
      const told = await this.post(gesture);
      this.queue.shift();
      this.offline(false);
      gesture.resolve(told);
      for (const listener of this.listeners) listener(gesture, told);
    } catch {
      this.offline(true);
      setTimeout(() => this.next(), AGAIN);
    } finally {
      this.busy = false;
    }
    if (this.queue.length && document.getElementById("offline").hidden) this.next();
  }

  async post({ kind, args, burst }) {
    const body = new URLSearchParams({
      kind,
      args: JSON.stringify(args),
      base: this.revision,
      hand: this.tab,
      load: this.load,
      open: this.open,
      burst,
    });
    const headers = { "HX-Request": "true", "X-CSRF-Token": csrf() };
    const response = await fetch(this.url, { method: "POST", body, headers });
    return this.take(response, await response.text());
  }

  async take(response, text) {
    const told = JSON.parse(response.headers.get("X-Canvas") || "null");
    if (text.includes("<hx-partial")) await window.htmx.swap({ sourceElement: document.body, text, swap: "none" });
    else if (!response.ok) toast(response.statusText, "err");
    if (told) this.note(told);
    if (told?.choice) document.getElementById("choice-dialog").showModal();
    return response.ok ? told : null;
  }

  /** Take over the revision of an answer; who listens hears when it brought changes of others too. */
  note(told) {
    const withOthers = told.revision > this.revision + (told.done ? 1 : 0);
    this.revision = Math.max(this.revision, told.revision);
    if (withOthers) this.onOthers?.();
  }

  offline(is) {
    document.getElementById("offline").hidden = !is;
  }

  /** Drop fragments that are older than what is shown, and make those that come twice come once. */
  guardSwaps() {
    document.addEventListener("htmx:before:swap", (event) => {
      const tasks = event.detail.tasks ?? [];
      for (let place = tasks.length - 1; place >= 0; place--) {
        const task = tasks[place];
        if (task.type !== "partial") continue;
        const fresh = task.fragment.querySelector?.("[data-rev]");
        const shown = fresh?.id ? document.getElementById(fresh.id) : null;
        const isNew = task.swapSpec.style === "beforeend";
        const age = shown ? Number(shown.dataset.rev) - Number(fresh.dataset.rev) : -1;
        if (!task.target || age > 0 || (age === 0 && isNew)) tasks.splice(place, 1);
        else if (shown && isNew) shown.remove();
      }
    });
  }

  /** Tell with every form that changes a node which revision it saw, and whose hand it is. */
  guardForms() {
    document.addEventListener("htmx:config:request", (event) => {
      const { request } = event.detail.ctx;
      const body = request.body;
      if (!request.action?.startsWith(this.url) || !(body instanceof FormData || body instanceof URLSearchParams)) return;
      body.set("base", this.revision);
      body.set("hand", this.tab);
      body.set("load", this.load);
      body.set("open", this.open);
      body.set("burst", `form/${body.get("id")}${body.get("field")}`);
    });
    document.addEventListener("htmx:after:request", (event) => {
      const told = event.detail.ctx.response?.headers?.get?.("X-Canvas");
      if (!told) return;
      const said = JSON.parse(told);
      this.note(said);
      for (const listener of this.listeners) listener({ kind: "configure", args: {} }, said);
    });
  }
}

/** What others do: their changes come as fragments, their presence and the live numbers as events of one stream. */
export class Stream {
  constructor(tools) {
    Object.assign(this, tools);
    this.told = "";
    const { flow } = this.page.dataset;
    this.element = document.createElement("div");
    this.element.hidden = true;
    const address = `/flows/${flow}/stream?hand=${this.sender.tab}&load=${this.sender.load}&base=${this.sender.revision}`;
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

function tabName() {
  const known = sessionStorage.getItem("tab");
  if (known) return known;
  const made = randomName();
  sessionStorage.setItem("tab", made);
  return made;
}

function randomName() {
  return crypto.getRandomValues(new Uint32Array(2)).join("-");
}
