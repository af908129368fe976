// Flows come in by dropping a file anywhere on the page, or by pasting JSON; and N begins a new one.

const drop = document.getElementById("drop");

if (drop) {
  const files = drop.querySelector('input[type="file"]');
  let depth = 0;

  const bring = (file) => {
    const carrier = new DataTransfer();
    carrier.items.add(file);
    files.files = carrier.files;
    drop.hidden = false;
    drop.submit();
  };

  const carries = (event) => event.dataTransfer?.types.includes("Files");

  addEventListener("dragenter", (event) => {
    if (!carries(event)) return;
    depth += 1;
    drop.hidden = false;
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) drop.hidden = true;
  });
  addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    depth = 0;
    drop.hidden = true;
    if (!carries(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files.length) bring(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    if (event.target.closest?.("input, textarea, [contenteditable]")) return;
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (text.trimStart().startsWith("{")) bring(new File([text], "pasted.json", { type: "application/json" }));
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable], dialog");
    if (event.code !== "KeyN" || event.ctrlKey || event.metaKey || event.altKey || typing || event.isComposing) return;
    event.preventDefault();
    document.getElementById("new-flow").showModal();
  });
}
