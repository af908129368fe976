// Copy and paste nodes as JSON text: within a flow, between flows, and from files.

const EDITABLE = "input, textarea, select, [contenteditable]";

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
