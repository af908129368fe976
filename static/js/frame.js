// What every page does by script: toasts that leave by themselves, and choices that take effect at once.

const LASTS = 6000;

/** Say something in passing. `tone` is "", "ok" or "err". */
export function toast(words, tone = "") {
  const box = document.createElement("div");
  box.className = `toast ${tone}`;
  const sign = document.createElement("i");
  sign.className = `i i-${tone === "err" ? "circle-alert" : tone === "ok" ? "circle-check" : "info"}`;
  sign.setAttribute("aria-hidden", "true");
  box.append(sign, words);
  document.getElementById("toasts").append(box);
}

// Whoever appended it, a toast leaves by itself.
const toasts = document.getElementById("toasts");
if (toasts) {
  const leave = (box) => setTimeout(() => box.remove(), LASTS);
  new MutationObserver((changes) => changes.flatMap((change) => [...change.addedNodes]).forEach(leave)).observe(toasts, { childList: true });
}

/** Give the token that a write needs, for `fetch` with the header X-CSRF-Token. */
export function csrf() {
  return JSON.parse(document.body.getAttribute("hx-headers:inherited"))["X-CSRF-Token"];
}

// A choice marked data-submit sends its form; without scripts there is a button.
document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-submit]")) event.target.form.requestSubmit();
});
