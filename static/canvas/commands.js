// Every command by its name: what keys, buttons and the command palette do; and the clipboard.

import { toast } from "/static/js/frame.js";

const STEP = 8;
const BIG = 48;
const EDITABLE = "input, textarea, select, [contenteditable]";

export class Commands {
  constructor(tools) {
    Object.assign(this, tools);
    this.words = JSON.parse(this.page.dataset.words);
    this.moving = null;
    this.named = {
      "undo": () => this.sender.send("undo"),
      "redo": () => this.sender.send("redo"),
      "all": () => this.choice.set(this.graph.all().map((node) => node.id)),
      "cancel": () => this.cancel(),
      "delete": () => this.remove(true),
      "delete-gap": () => this.remove(false),
      "duplicate": () => this.choice.ids.size && this.make("duplicate", { ids: [...this.choice.ids] }),
      "add": () => this.addHere(),
      "find-type": () => document.getElementById("palette-find").focus(),
      "add-email": () => this.addType("send.email"),
      "add-sms": () => this.addType("send.sms"),
      "add-wait": () => this.addType("wait.delay"),
      "add-branch": () => this.addType("branch.rule"),
      "open": () => this.panels.open(true),
      "rename": () => this.panels.rename(),
      "down": () => this.walk("down"),
      "up": () => this.walk("up"),
      "left": () => this.walk("left"),
      "right": () => this.walk("right"),
      "connect": () => this.connect(),
      "downstream": () => this.choice.set(this.graph.reach(this.choice.ids), { current: this.choice.current }),
      "upstream": () => this.choice.set(this.graph.reach(this.choice.ids, true), { current: this.choice.current }),
      "tidy": () => this.sender.send("tidy", this.choice.ids.size > 1 ? { ids: [...this.choice.ids] } : {}),
      "tidy-all": () => this.sender.send("tidy"),
      "select-tool": () => this.tool(false),
      "hand-tool": () => this.tool(true),
      "zoom-100": () => this.view.zoomBy(1 / this.view.k),
      "zoom-in": () => this.view.zoomBy(1.2),
      "zoom-out": () => this.view.zoomBy(1 / 1.2),
      "fit": () => this.fit(),
      "fit-selection": () => this.fit([...this.choice.ids]),
      "keys": () => document.getElementById("keys-dialog").showModal(),
      "commands": () => this.palette(),
      "find": () => this.find(),
      "outline": () => this.panels.toggle("outline"),
      "inspector": () => this.panels.toggle("inspector"),
      "problems": () => this.panels.toggle("issues"),
      "next-problem": () => this.panels.problem(1),
      "previous-problem": () => this.panels.problem(-1),
      "overlay": () => this.overlay.toggle(),
      "people": () => this.overlay.list(),
      "publish": () => this.panels.review(),
      "simulate": () => location.assign(`/flows/${this.page.dataset.flow}/simulation`),
      "cut": () => this.clipboard.cut(),
      "copy": () => this.clipboard.copy(),
      "paste": () => this.clipboard.paste(),
    };
    for (const way of ["up", "down", "left", "right"]) this.named[`move-${way}`] = (event) => this.shift(way, event);
  }

  run(name, event) {
    const command = this.named[name];
    if (!command) return false;
    command(event);
    return true;
  }

  /** Do a gesture that makes nodes; the new ones are chosen, and what must be set is shown. */
  async make(kind, args) {
    const told = await this.sender.send(kind, args);
    if (!told) return null;
    this.graph.changed();
    const ids = told.new.length ? told.new : args.node ? [args.node] : args.id ? [args.id] : [];
    if (!ids.length) return told;
    this.choice.set(ids, { focus: true });
    this.view.reveal(this.graph.around(ids));
    return told;
  }

  remove(join) {
    const { ids, edge } = this.choice;
    if (edge) {
      this.sender.send("disconnect", { edge: [edge.from, edge.port, edge.to] });
      return;
    }
    if (!ids.size) return;
    const before = [...ids].flatMap((id) => this.graph.to(id)).map((each) => each.from).find((id) => !ids.has(id));
    this.sender.send("delete", { ids: [...ids], join }).then((told) => {
      if (!told) return;
      this.graph.changed();
      this.choice.set(before ? [before] : [], { focus: true });
      if (!before) this.view.viewport.focus({ preventScroll: true });
    });
  }

  tool(pans) {
    this.hand.isPanning = pans;
    this.view.viewport.classList.toggle("pans", pans);
    document.querySelector('[data-command="hand-tool"]').setAttribute("aria-pressed", String(pans));
    document.querySelector('[data-command="select-tool"]').setAttribute("aria-pressed", String(!pans));
  }

  fit(ids) {
    const box = this.graph.around(ids?.length ? ids : undefined);
    if (box) this.view.fit(box);
  }

  cancel() {
    if (this.hand.cancel()) return;
    if (this.choice.ids.size || this.choice.edge) this.choice.clear();
    this.view.viewport.focus({ preventScroll: true });
  }

  /** Go along edges: down and up, and to the ways beside. */
  walk(way) {
    const { graph, choice } = this;
    const here = graph.node(choice.current);
    let next = null;
    if (!here) next = this.first();
    else if (way === "down") next = this.ways(here)[0];
    else if (way === "up") next = graph.node(graph.to(here.id)[0]?.from);
    else next = this.beside(here, way === "left" ? -1 : 1);
    if (!next) return;
    choice.set([next.id], { focus: true });
    this.view.reveal(graph.around([next.id]));
  }

  first() {
    const entries = this.graph.all().filter((node) => !this.graph.to(node.id).length);
    return (entries.length ? entries : this.graph.all()).sort((a, b) => a.y - b.y || a.x - b.x)[0];
  }

  ways(node) {
    const order = node.ways.map((way) => way.key);
    const edges = this.graph.from(node.id).toSorted((a, b) => order.indexOf(a.port) - order.indexOf(b.port));
    return edges.map((edge) => this.graph.node(edge.to)).filter(Boolean);
  }

  beside(node, by) {
    const parents = this.graph.to(node.id).map((edge) => this.graph.node(edge.from)).filter(Boolean);
    const all = parents.length ? parents.flatMap((parent) => this.ways(parent)) : this.graph.all().filter((each) => !this.graph.to(each.id).length);
    const row = [...new Set(all)].sort((a, b) => a.x - b.x);
    return row[row.indexOf(node) + by];
  }

  /** Move by keys; what comes in quick succession is one thing to undo. */
  shift(way, event) {
    if (!this.choice.ids.size) return;
    const by = event?.ctrlKey || event?.metaKey ? BIG : STEP;
    const [dx, dy] = { up: [0, -by], down: [0, by], left: [-by, 0], right: [by, 0] }[way];
    const to = [...this.choice.ids].map((id) => this.graph.node(id)).map((node) => [node.id, node.x + dx, node.y + dy]);
    for (const [id, x, y] of to) Object.assign(this.graph.node(id).element.style, { left: `${x}px`, top: `${y}px` });
    this.graph.changed();
    if (!this.moving || performance.now() - this.moving.at > 600) this.moving = { name: `keys/${performance.now()}` };
    this.moving.at = performance.now();
    this.sender.send("move", { to }, { burst: this.moving.name });
  }

  types(without = () => false) {
    return [...document.querySelectorAll(".palette .type")]
      .filter((type) => !without(type))
      .map((type) => ({
        value: type.dataset.type,
        words: type.querySelector("span:not(.badge)").textContent,
        hint: type.title,
        sign: type.querySelector(".badge"),
      }));
  }

  addHere() {
    if (this.choice.edge) this.insertOn(this.choice.edge);
    else if (this.choice.current) this.addAfter(this.choice.current, this.freePort(this.choice.current));
    else this.addAt(this.view.centre());
  }

  freePort(id) {
    const used = new Set(this.graph.from(id).map((edge) => edge.port));
    const { ways } = this.graph.node(id);
    return (ways.find((way) => !used.has(way.key)) ?? ways[0])?.key ?? "out";
  }

  /** Add a type after what is chosen, or in the middle. */
  addType(type) {
    if (this.choice.edge) {
      const { from, port, to } = this.choice.edge;
      this.make("insert", { type, edge: [from, port, to] });
    } else if (this.choice.current && !type.startsWith("trigger.")) {
      this.make("add", { type, after: [this.choice.current, this.freePort(this.choice.current)] });
    } else this.place(type, this.view.centre());
  }

  place(type, [x, y]) {
    return this.make("add", { type, x: Math.round(x - 124), y: Math.round(y - 32) });
  }

  async addAfter(id, port, at = null) {
    const isTrigger = (type) => type.dataset.family === "trigger";
    const type = await this.chooser.choose(this.words.add_after, this.types(isTrigger), this.view.viewport);
    const spot = at ? { x: Math.round(at[0] - 124), y: Math.round(at[1]) } : {};
    if (type) this.make("add", { type, after: [id, port], ...spot });
  }

  async addAt(at) {
    const type = await this.chooser.choose(this.words.add, this.types(), this.view.viewport);
    if (type) this.place(type, at);
  }

  async insertOn({ from, port, to }) {
    const isTrigger = (type) => type.dataset.family === "trigger";
    const type = await this.chooser.choose(this.words.insert, this.types(isTrigger), this.view.viewport);
    if (type) this.make("insert", { type, edge: [from, port, to] });
  }

  async connect() {
    const here = this.graph.node(this.choice.current);
    if (!here) return;
    let port = here.ways[0]?.key ?? "out";
    if (here.ways.length > 1) {
      const ways = here.ways.map((way) => ({ value: way.key, words: way.element.textContent || way.key }));
      port = await this.chooser.choose(this.words.which_port, ways);
      if (port === null) return;
    }
    const before = this.graph.reach([here.id], true);
    const legal = this.graph.all().filter((node) => node.enters && !before.has(node.id));
    const to = await this.chooser.choose(this.words.connect_to, legal.map(named));
    if (to) await this.sender.send("connect", { from: here.id, port, to });
    this.choice.focus(here.id);
  }

  async find() {
    const id = await this.chooser.choose(this.words.find, this.graph.all().map(named));
    if (id) this.goTo(id);
  }

  goTo(id) {
    if (!this.graph.node(id)) return;
    this.choice.set([id], { focus: true });
    this.view.reveal(this.graph.around([id]));
  }

  async palette() {
    const keys = JSON.parse(this.page.dataset.keys);
    const commands = keys.map(({ command, words, shown }) => ({ value: `!${command}`, words, key: shown }));
    const found = await this.chooser.choose(this.words.commands, [...commands, ...this.graph.all().map(named)]);
    if (found?.startsWith("!")) this.run(found.slice(1));
    else if (found) this.goTo(found);
  }

  copyTo(ids, dx, dy) {
    const box = this.graph.around(ids);
    const piece = this.clipboard.piece(ids);
    if (piece) this.make("paste", { piece, x: box.x + dx, y: box.y + dy });
  }

  say(words) {
    document.getElementById("live").textContent = words;
  }

  warn(words) {
    toast(words, "err");
  }
}

function named(node) {
  return { value: node.id, words: node.name, hint: node.id, sign: node.element.querySelector(".badge") };
}

/** Copy and paste nodes as JSON text: within a flow, between flows, and from files. */
export class Clipboard {
  constructor(tools) {
    Object.assign(this, tools);
    this.pointer = null;
    const viewport = this.view.viewport;
    viewport.addEventListener("pointermove", (event) => {
      this.pointer = [event.clientX, event.clientY];
    });
    viewport.addEventListener("pointerleave", () => {
      this.pointer = null;
    });
    for (const kind of ["copy", "cut"]) document.addEventListener(kind, (event) => this.put(event, kind === "cut"));
    document.addEventListener("paste", (event) => this.take(event));
    viewport.addEventListener("dragover", (event) => event.preventDefault());
    viewport.addEventListener("drop", (event) => this.drop(event));
  }

  /** Give the chosen nodes as JSON. Not later: an event of the clipboard does not wait. */
  piece(ids) {
    const request = new XMLHttpRequest();
    request.open("GET", `/flows/${this.page.dataset.flow}/piece?ids=${ids.join(",")}`, false);
    request.send();
    return request.status === 200 ? JSON.parse(request.responseText) : null;
  }

  put(event, cuts) {
    if (event.target.closest?.(EDITABLE) || !String(window.getSelection()).trim() === false) return;
    const ids = [...this.choice.ids];
    const piece = ids.length ? this.piece(ids) : null;
    if (!piece) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", JSON.stringify(piece, null, 1));
    if (cuts) this.commands.remove(true);
    else this.commands.say(this.commands.words.copied);
  }

  take(event) {
    if (event.target.closest?.(EDITABLE) || document.querySelector("dialog[open]")) return;
    const file = event.clipboardData.files[0];
    event.preventDefault();
    const spot = this.pointer ? this.view.toWorld(...this.pointer) : null;
    if (file) file.text().then((text) => this.paste(text, spot));
    else this.paste(event.clipboardData.getData("text/plain"), spot);
  }

  drop(event) {
    const file = event.dataTransfer.files[0];
    event.preventDefault();
    const spot = this.view.toWorld(event.clientX, event.clientY);
    if (file) file.text().then((text) => this.paste(text, spot));
    else this.paste(event.dataTransfer.getData("text/plain"), spot);
  }

  /** Add nodes of a text; a whole flow on an empty canvas is taken over with its settings. */
  paste(text, spot = null) {
    let piece = null;
    try {
      piece = JSON.parse(text);
    } catch {
      this.commands.warn(this.commands.words.no_nodes);
      return;
    }
    if (piece?.dripline && !this.graph.all().length) {
      this.commands.make("import", { document: piece }).then(() => this.commands.fit());
      return;
    }
    const [x, y] = spot ?? this.beside();
    this.commands.make("paste", { piece, x: Math.round(x), y: Math.round(y) });
  }

  beside() {
    const box = this.choice.ids.size ? this.graph.around([...this.choice.ids]) : null;
    return box ? [box.x + 40, box.y + 40] : this.view.centre();
  }

  /** Copy, cut and paste from menus, where the browser lets us. */
  copy() {
    document.execCommand("copy");
  }

  cut() {
    document.execCommand("cut");
  }

  async paste_text() {
    this.paste(await navigator.clipboard.readText());
  }
}
