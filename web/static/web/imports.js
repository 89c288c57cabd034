// Files dropped on the form are those of its file field.
for (const form of document.querySelectorAll("[data-import-drop]")) {
  const input = form.querySelector('input[type="file"]');
  const isOver = (event) => form.classList.toggle("is-over", event.type === "dragover");
  form.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    isOver(event);
  });
  form.addEventListener("dragleave", isOver);
  form.addEventListener("drop", (event) => {
    isOver(event);
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    input.files = event.dataTransfer.files;
    form.requestSubmit();
  });
}
