// What the hand needs in forms between two answers of the server: sliders that show their number, variables put in at
// the caret, and inputs that show what the server said after a morph, which leaves what was once touched as it is.

let spot = null;
let pressed = "";

/** Let selects, boxes and inputs show what their markup says, save the one that is being written in. */
function settle(root) {
  for (const input of root.querySelectorAll("input[name], textarea[name]")) {
    if (input === document.activeElement) continue;
    if (input.type === "checkbox" || input.type === "radio") input.checked = input.defaultChecked;
    else if (input.type !== "file" && input.value !== input.defaultValue) input.value = input.defaultValue;
  }
  for (const option of root.querySelectorAll("option")) option.selected = option.defaultSelected;
}

/** Move the focus to where one goes on after a button of structure: to the new row, else to the button that adds. */
function goOn(root) {
  if (!pressed || (document.activeElement && document.activeElement !== document.body && !pressed.startsWith("add")))
    return;
  const [verb, name] = pressed.split(" ");
  pressed = "";
  const add = root.querySelector(`button[value="add ${CSS.escape(name).replaceAll("\\.", ".")}"]`);
  const list = add?.closest(".group, .field, .more")?.querySelector(":scope > ol, :scope > .rows");
  const row = verb.startsWith("add") ? list?.lastElementChild : null;
  (row?.querySelector("input:not([type=hidden]), select") ?? add ?? root.querySelector("[data-adds]"))?.focus();
}

function insert(words) {
  if (!spot?.isConnected) return;
  spot.setRangeText(words, spot.selectionStart, spot.selectionEnd, "end");
  spot.focus();
  spot.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("[data-takes-variables]")) spot = target;
});

document.addEventListener("submit", ({ submitter }) => {
  if (submitter?.name === "press") pressed = submitter.value;
});

document.addEventListener("click", ({ target }) => {
  const chip = target.closest("[data-variable]");
  if (!chip) return;
  spot ??= chip.closest(".field, form")?.querySelector("[data-takes-variables]");
  insert(chip.dataset.variable);
});

document.addEventListener("input", ({ target }) => {
  const shown = target.type === "range" && target.parentElement.querySelector("output");
  if (shown) shown.textContent = `${target.value}%`;
});

document.addEventListener("htmx:after:swap", () => {
  for (const form of document.querySelectorAll("form.setting, form.segment-form, form.message-form")) settle(form);
  goOn(document);
});
