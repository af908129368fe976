// One dialog for every choice from a list: node types, nodes, ports, commands.

export class Chooser {
  constructor() {
    this.dialog = document.getElementById("choose-dialog");
    this.input = document.getElementById("choose-find");
    this.list = document.getElementById("choose-list");
    this.input.addEventListener("input", () => this.draw());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("click", (event) => this.take(event.target.closest("[role=option]")?.dataset.value));
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => this.resolve?.(this.taken));
  }

  /** Let one of the entries be chosen; null when none was. */
  choose(words, entries) {
    this.entries = entries;
    this.taken = null;
    this.place = 0;
    this.input.value = "";
    this.input.placeholder = words;
    this.input.setAttribute("aria-label", words);
    this.draw();
    this.dialog.showModal();
    this.input.focus();
    return new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  draw() {
    const wanted = this.input.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const said = (entry) => `${entry.words} ${entry.hint ?? ""} ${entry.value}`.toLowerCase();
    const found = this.entries.filter((entry) => wanted.every((word) => said(entry).includes(word)));
    const typed = wanted.join(" ");
    const rank = ({ words }) => {
      const said = words.toLowerCase();
      return said === typed ? 0 : said.startsWith(typed) ? 1 : said.includes(typed) ? 2 : 3;
    };
    found.sort((a, b) => rank(a) - rank(b));
    this.place = 0;
    this.list.replaceChildren(...found.slice(0, 80).map((entry, place) => option(entry, place)));
    this.mark();
  }

  mark() {
    const options = [...this.list.children];
    options.forEach((each, place) => each.setAttribute("aria-selected", String(place === this.place)));
    const chosen = options[this.place];
    this.input.setAttribute("aria-activedescendant", chosen?.id ?? "");
    chosen?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const count = this.list.children.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      this.place = count ? (this.place + (event.key === "ArrowDown" ? 1 : count - 1)) % count : 0;
      this.mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.take(this.list.children[this.place]?.dataset.value);
    }
  }

  take(value) {
    if (value === undefined) return;
    this.taken = value;
    this.dialog.close();
  }
}

function option({ value, words, hint, key, sign }, place) {
  const line = document.createElement("li");
  line.id = `choose-${place}`;
  line.setAttribute("role", "option");
  line.dataset.value = value;
  if (sign) line.append(sign.cloneNode(true));
  const text = document.createElement("span");
  text.textContent = words;
  line.append(text);
  if (key) {
    const kbd = document.createElement("kbd");
    kbd.className = "kbd";
    kbd.textContent = key;
    line.append(kbd);
  } else if (hint) {
    const small = document.createElement("small");
    small.textContent = hint;
    line.append(small);
  }
  return line;
}
