// What stands beside the canvas: inspector, outline, problems; and the review before publishing.

import { csrf } from "/static/js/frame.js";

const PANELS = ["inspector", "outline", "issues"];

export class Panels {
  constructor(tools) {
    Object.assign(this, tools);
    this.shown = "inspector";
    this.wanted = "";
    this.choice.onChange(() => this.follow());
    this.sender.onDone(() => this.refresh());
    const side = document.querySelector(".side-panel");
    side.addEventListener("change", (event) => this.write(event.target));
    side.addEventListener("focusout", () => this.isOld && this.renew());
    document.addEventListener("click", (event) => this.click(event));
    document.addEventListener("submit", (event) => this.submit(event));
    document.addEventListener("change", (event) => this.choose(event));
  }

  url(name) {
    return `/flows/${this.page.dataset.flow}/${name}`;
  }

  show(name) {
    this.shown = name;
    for (const each of PANELS) document.getElementById(each).hidden = each !== name;
    document.querySelector('[data-command="outline"]').setAttribute("aria-pressed", String(name === "outline"));
    this.refresh(true);
  }

  toggle(name) {
    this.show(this.shown === name ? "inspector" : name);
    if (this.shown !== "inspector") document.querySelector(`#${name} button, #${name} a`)?.focus();
    else if (this.choice.current) this.choice.focus(this.choice.current);
  }

  /** Show the settings of what is chosen. */
  follow() {
    const id = this.choice.ids.size === 1 ? this.choice.current : "";
    if (id === this.wanted) return;
    this.wanted = id;
    this.sender.open = id;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load("inspector", `inspector?id=${encodeURIComponent(id)}`), 40);
  }

  refresh(now = false) {
    if (this.shown === "outline") {
      clearTimeout(this.later);
      this.later = setTimeout(() => this.load("outline", "outline"), now ? 0 : 60);
    }
  }

  /** Show settings and outline as others have changed them, but not while somebody writes there. */
  renew() {
    this.isOld = true;
    clearTimeout(this.renewing);
    this.renewing = setTimeout(() => {
      if (document.querySelector(".side-panel").contains(document.activeElement)) return;
      this.isOld = false;
      this.refresh();
      this.load("inspector", `inspector?id=${encodeURIComponent(this.wanted)}`, true);
    }, 150);
  }

  /** Show a panel anew; one that nobody asked for, or that is there already, does not take the place of what is being written. */
  async load(target, path, isUnasked = false) {
    const { wanted } = this;
    const response = await fetch(this.url(path), { headers: { "HX-Request": "true" } });
    if (!response.ok || (target === "inspector" && wanted !== this.wanted)) return;
    const words = await response.text();
    const panel = document.getElementById(target);
    const isThere = target === "inspector" && panel.querySelector(`[data-node="${CSS.escape(wanted)}"]`);
    if ((isUnasked || isThere) && panel.contains(document.activeElement)) {
      this.isOld = true;
      return;
    }
    const text = `<hx-partial hx-target="#${target}" hx-swap="innerHTML">${words}</hx-partial>`;
    await window.htmx.swap({ sourceElement: document.body, text, swap: "none" });
    if (target === "inspector") this.loaded?.();
    if (target === "outline" && this.landing) {
      document.querySelector(`#outline [data-line="${this.landing}"] .node-name`)?.focus();
      this.landing = null;
    }
  }

  /** Open the settings; with `focus` go to the first field. */
  open(focus) {
    this.show("inspector");
    if (!focus) return;
    const go = () => {
      const panel = document.getElementById("inspector");
      panel.querySelector("form input:not([type=hidden]), form textarea, form select, [data-rename]")?.focus();
    };
    this.loaded = () => {
      this.loaded = null;
      go();
    };
    if (document.querySelector(`#inspector [data-node="${this.choice.current}"]`)) this.loaded();
  }

  /** Go back from a panel to the canvas. */
  leave() {
    if (this.choice.current) this.choice.focus(this.choice.current);
    else this.view.viewport.focus({ preventScroll: true });
  }

  rename() {
    const node = this.graph.node(this.choice.current);
    if (!node) return;
    const dialog = document.getElementById("rename-dialog");
    const input = document.getElementById("rename-input");
    input.value = node.element.querySelector("b").textContent;
    dialog.returnValue = "cancel";
    dialog.showModal();
    input.select();
    dialog.onclose = () => {
      if (dialog.returnValue === "ok") this.name("rename", node.id, input.value);
      this.choice.focus(node.id);
    };
    dialog.querySelector("form").onsubmit = (event) => {
      dialog.returnValue = event.submitter?.value ?? "ok";
    };
    input.onkeydown = (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      dialog.close("ok");
    };
  }

  name(kind, id, name) {
    return this.sender.send(kind, { id, name: name.trim(), language: document.documentElement.lang });
  }

  write(field) {
    if (field.dataset.rename) this.name("rename", field.dataset.rename, field.value);
    else if (field.dataset.annotate) this.name("annotate", field.dataset.annotate, field.value);
    else if (field.dataset.set) this.sender.send("set", { field: field.dataset.set, value: field.value || null });
  }

  /** Do what a form of the outline says. */
  submit(event) {
    const form = event.target.closest("[data-gesture-form]");
    if (!form) return;
    event.preventDefault();
    const { gestureForm: kind, after, from, port, edge, ids, anywhere } = form.dataset;
    const field = (name) => form.elements[name]?.value;
    const args = {
      add: () => ({ type: field("type"), ...(anywhere ? this.room() : { after: JSON.parse(after) }) }),
      connect: () => ({ from, port, to: field("to") }),
      disconnect: () => ({ edge: JSON.parse(edge ?? "[]") }),
      delete: () => ({ ids: JSON.parse(ids ?? "[]"), join: true }),
    }[kind]();
    this.sender.send(kind, args).then((told) => {
      this.graph.changed();
      const [id] = told?.new ?? [];
      if (id) this.choice.set([id]);
      this.landing = id ?? from ?? this.choice.current;
    });
  }

  /** Find room below everything. */
  room() {
    const box = this.graph.around();
    return box ? { x: Math.round(box.top - 124), y: Math.round(box.y + box.h + 64) } : { x: 0, y: 0 };
  }

  /** Publish, ask, answer, pause or resume. */
  async act(what, { how = "", over = "", revision = "" }) {
    const said = [...document.querySelectorAll("#sheet [data-said]")].map((each) => [each.dataset.said, each.value]);
    const body = new URLSearchParams({ how, over, revision, ...Object.fromEntries(said), ...this.moveChosen() });
    const headers = { "HX-Request": "true", "X-CSRF-Token": csrf() };
    const response = await fetch(this.url(what), { method: "POST", body, headers });
    await this.fill(await response.text());
    document.querySelector("#sheet h2")?.scrollIntoView();
  }

  async fill(html) {
    const [sheet, ...partials] = html.split(/(?=<hx-partial)/);
    const text = `<hx-partial hx-target="#sheet" hx-swap="innerHTML">${sheet}</hx-partial>${partials.join("")}`;
    await window.htmx.swap({ sourceElement: document.body, text, swap: "none" });
  }

  click(event) {
    const run = event.target.closest("[data-run]");
    if (run) this.act(run.dataset.run, run.dataset);
    if (event.target.closest("[data-close]")) document.getElementById("sheet-dialog").close();
    const way = event.target.closest("[data-way]");
    if (way) this.sender.send(way.dataset.step, { way: way.dataset.way, seen: Number(way.dataset.seen) });
    if (way || event.target.closest("[data-later]")) document.getElementById("choice-dialog").close();
    const button = event.target.closest("[data-command], [data-show], [data-gesture], [data-first]");
    if (!button || button.getAttribute("aria-disabled") === "true") return;
    const { command, show, gesture, first } = button.dataset;
    if (command) this.commands.run(command, event);
    else if (show) this.commands.goTo(show);
    else if (first) this.commands.place(first, [0, 0]).then(() => this.commands.fit());
    else this.commands.make(gesture, JSON.parse(button.dataset.args));
  }

  problem(by) {
    const shown = [...document.querySelectorAll("#issues [data-show]")].map((each) => each.dataset.show);
    const ids = [...new Set(shown)];
    if (!ids.length) return;
    const place = ids.indexOf(this.choice.current);
    this.commands.goTo(ids[(place + by + ids.length) % ids.length] ?? ids[0]);
  }

  /** What was chosen for contacts of older versions: whether they move, and where those at a node go. */
  moveChosen() {
    const section = document.getElementById("move");
    if (!section) return {};
    const fields = [...section.querySelectorAll("select[data-node]")];
    const chosen = Object.fromEntries(fields.map((each) => [each.dataset.node, each.value]));
    const way = section.querySelector("[name=way]:checked")?.value ?? "stay";
    return { way, chosen: JSON.stringify(chosen) };
  }

  /** Show anew what would become of contacts, and stay at the field that was changed. */
  async choose(event) {
    if (!event.target.closest("#move")) return;
    const { name, value, dataset } = event.target;
    await this.review();
    const same = name ? `#move [name="${name}"][value="${value}"]` : `#move [data-node="${dataset.node}"]`;
    document.querySelector(same)?.focus();
  }

  async review() {
    const dialog = document.getElementById("sheet-dialog");
    const asked = dialog.open ? `?${new URLSearchParams(this.moveChosen())}` : "";
    const headers = { "HX-Request": "true", "X-CSRF-Token": csrf() };
    const response = await fetch(`${this.url("review")}${asked}`, { headers });
    await this.fill(await response.text());
    if (!dialog.open) dialog.showModal();
  }
}
