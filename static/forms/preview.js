// How a preview is shown: wide, as on a phone, or in the dark. The server draws the last one, so it is told.

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-view]");
  if (!button) return;
  for (const each of button.parentElement.children) each.setAttribute("aria-pressed", String(each === button));
  document.getElementById("preview").dataset.shown = button.dataset.view;
  const shown = document.getElementById("shown");
  shown.value = button.dataset.view;
  shown.dispatchEvent(new Event("change", { bubbles: true }));
});
