// Keys, by where they lie on the keyboard; never in fields, never while a word is being composed.

const EDITABLE = "input, textarea, select, [contenteditable], dialog";
const CLIPBOARD = new Set(["copy", "cut", "paste"]);

export function listen({ page, commands, hand, view }) {
  const table = new Map();
  for (const { command, keys } of JSON.parse(page.dataset.keys)) {
    for (const each of keys.split(" ")) table.set(each, command);
  }
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.code === "Escape" && hand.isBusy) {
      hand.cancel();
      event.preventDefault();
      return;
    }
    const isOutside = event.target.closest(EDITABLE);
    if (event.code === "Escape" && event.target.closest(".side-panel, .palette")) {
      commands.panels.leave();
      return;
    }
    if (isOutside && !isGlobal(event)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.code === "Space" && !isOutside && !event.target.closest("button, a, summary")) {
      hand.space = true;
      view.viewport.classList.add("pans");
      event.preventDefault();
      return;
    }
    if (event.code === "Enter" && event.target.closest("button, a, summary") && !event.target.closest(".card-face, #viewport")) return;
    const command = table.get(name(event));
    // The browser's own events carry copy, cut and paste: only they may touch the clipboard unasked.
    if (!command || CLIPBOARD.has(command)) return;
    event.preventDefault();
    commands.run(command, event);
  });
  document.addEventListener("keyup", (event) => {
    if (event.code !== "Space" || !hand.space) return;
    hand.space = false;
    view.viewport.classList.toggle("pans", hand.isPanning);
  });
}

/** Keys that hold in fields too: publish, command palette. */
function isGlobal(event) {
  return (event.ctrlKey || event.metaKey) && (event.code === "KeyK" || (event.shiftKey && event.code === "Enter"));
}

function name(event) {
  const ctrl = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  if (event.altKey) return "";
  return `${ctrl}${event.shiftKey ? "Shift+" : ""}${event.code}`;
}
