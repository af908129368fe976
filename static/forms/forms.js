// What the hand needs in forms between two answers of the server: sliders that show their number, variables put in at
// the caret, the focus on the row that was just added. And care that an answer undoes nothing that was typed after the
// question: a morph sets inputs to what the server says, and leaves selects and boxes that were touched as they are.
// And that nothing moves away under a press.

const FORMS = "form.setting, form.segment-form, form.message-form";
const typed = new WeakMap();
let clock = 0;
let spot = null;
let pressed = "";
let hold = null; // what waits for the end of a press

const inputs = (forms) => document.querySelectorAll(`:is(${forms}) :is(input, textarea, select)[name]`);
const isNewer = (input, ctx) => (typed.get(input) ?? 0) > (ctx.asked ?? 0);

/** Say which forms an answer may have drawn again: those that asked, or the inspector when the canvas did. */
function drawn({ sourceElement }) {
  if (!sourceElement?.closest || sourceElement.closest(".matching, .preview, .test, .side")) return null;
  if (!sourceElement.closest("form")) return "form.setting";
  return FORMS.split(", ").find((forms) => sourceElement.closest(forms)) ?? null;
}

/** Let inputs show what their markup says, save the one that is being written in and those written in since. */
function settle(forms, ctx) {
  for (const input of inputs(forms)) {
    if (input === document.activeElement || isNewer(input, ctx)) continue;
    if (input.matches("select")) for (const option of input.options) option.selected = option.defaultSelected;
    else if (input.matches("[type=checkbox], [type=radio]")) input.checked = input.defaultChecked;
    else if (input.type !== "file" && input.value !== input.defaultValue) input.value = input.defaultValue;
  }
}

/** Go on where a button of structure led to: in the new row, else at the button that adds one. */
function goOn() {
  const [verb, name] = pressed.split(" ");
  const wasLost = !document.activeElement || document.activeElement === document.body;
  pressed = "";
  if (!name || (!verb.startsWith("add") && !wasLost)) return;
  const adds = (each) => each.value === `add ${name}` || each.value.startsWith(`add ${name} `);
  const button = [...document.querySelectorAll("button[name=press]")].find(adds);
  const list = button?.closest(".group, .field, .sub")?.querySelector(":scope > ol");
  const row = verb.startsWith("add") ? list?.lastElementChild : null;
  (row?.querySelector("select, textarea, input:not([type=hidden])") ?? button ?? document.querySelector("[data-adds]"))?.focus();
}

function insert(words) {
  if (!spot?.isConnected) return;
  spot.setRangeText(words, spot.selectionStart, spot.selectionEnd, "end");
  spot.focus();
  spot.dispatchEvent(new Event("input", { bubbles: true }));
}

for (const name of ["input", "change"])
  document.addEventListener(name, ({ target }) => typed.set(target, (clock += 1)), true);

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("[data-takes-variables]")) spot = target;
});

// Help goes with the focus, which a press takes away, and an answer may bring lines above the button: both wait until the
// press has ended, else what is pressed would move away from under the pointer, and nothing would be clicked.
document.addEventListener(
  "pointerdown",
  ({ target }) => {
    for (const field of document.querySelectorAll(".field:focus-within")) field.toggleAttribute("data-left", true);
    // Not for selects: the end of a press that opened their list is not told.
    if (target.closest("button, a, summary")) hold ??= Promise.withResolvers();
  },
  true,
);

function endPress() {
  // After the click that follows.
  setTimeout(() => {
    for (const field of document.querySelectorAll("[data-left]")) field.removeAttribute("data-left");
    hold?.resolve();
    hold = null;
  });
}

// A menu or another window may take the end of a press away: then it ends with what happens next.
for (const name of ["pointerup", "pointercancel", "contextmenu", "keydown"]) document.addEventListener(name, endPress, true);
window.addEventListener("blur", endPress);

document.addEventListener("submit", ({ submitter }) => {
  if (submitter?.name === "press") pressed = submitter.value;
});

document.addEventListener("click", ({ target }) => {
  const chip = target.closest("[data-variable]");
  if (!chip) return;
  if (!spot?.isConnected) spot = chip.closest(".field, form").querySelector("[data-takes-variables]");
  insert(chip.dataset.variable);
});

document.addEventListener("input", ({ target }) => {
  const shown = target.type === "range" && target.parentElement.querySelector("output");
  if (shown) shown.textContent = `${target.value}%`;
});

document.addEventListener("htmx:config:request", ({ detail }) => {
  const { ctx } = detail;
  ctx.asked = clock;
  ctx.fetch = async (...asked) => {
    const answer = await fetch(...asked);
    await hold?.promise;
    return answer;
  };
});

document.addEventListener("htmx:before:swap", ({ detail }) => {
  for (const input of inputs(FORMS)) input.toggleAttribute("hx-morph-skip", isNewer(input, detail.ctx));
});

document.addEventListener("htmx:after:swap", ({ detail }) => {
  const forms = drawn(detail.ctx);
  if (!forms) return;
  settle(forms, detail.ctx);
  goOn();
});
