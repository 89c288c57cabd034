// Things that open, close, copy and change colour.

document.addEventListener("click", async (event) => {
  const opener = event.target.closest("[data-dialog]");
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog) {
    event.preventDefault();
    opener.closest("details[data-menu]")?.removeAttribute("open");
    dialog.showModal();
    return;
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  // A click on the backdrop lands on the dialog itself.
  if (event.target.matches("dialog") && !inside(event.target, event)) event.target.close();
  event.target.closest("[data-dismiss]")?.closest(".message")?.remove();
  for (const menu of document.querySelectorAll("details[data-menu][open]")) if (!menu.contains(event.target)) menu.open = false;

  const copier = event.target.closest("[data-copy]");
  if (copier) await copy(copier);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

function inside(element, event) {
  const box = element.getBoundingClientRect();
  return event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
}

// data-copy holds the text itself, or "#id" of the element whose text is meant.
async function copy(button) {
  const asked = button.dataset.copy;
  const text = asked.startsWith("#") ? document.querySelector(asked)?.textContent ?? "" : asked;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Clipboards need a secure context; select the text instead, so that one key copies it.
    const source = asked.startsWith("#") ? document.querySelector(asked) : null;
    if (source) getSelection().selectAllChildren(source);
    return;
  }
  const before = button.title;
  button.title = button.dataset.done ?? before;
  button.ariaLabel = button.title;
  button.classList.add("done");
  setTimeout(() => {
    button.title = before;
    button.ariaLabel = before;
    button.classList.remove("done");
  }, 1500);
}

// The theme changes at once; the server is told so that it holds on other machines too.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-theme-form]");
  const choice = event.submitter;
  if (!form || choice?.name !== "theme") return;
  event.preventDefault();
  document.documentElement.dataset.theme = choice.value;
  for (const button of form.querySelectorAll("button[name=theme]")) button.setAttribute("aria-pressed", String(button === choice));
  const body = new FormData(form);
  body.set("theme", choice.value);
  await fetch(form.action, { method: "POST", body, redirect: "manual" });
}, { capture: true });
