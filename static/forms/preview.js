// How a preview is shown: wide, as on a phone, or in the dark.

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-view]");
  if (!button) return;
  for (const each of button.parentElement.children) each.setAttribute("aria-pressed", String(each === button));
  document.getElementById("preview").dataset.shown = button.dataset.view;
});
