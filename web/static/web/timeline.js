// The line of a personal timeline: Enter saves it, it is read while it is typed, screenshots fall into it.
// Everything here is comfort: the form works without it.

const form = () => document.querySelector("form[data-line]");
const line = () => form()?.querySelector("[name=line]");
const place = () => `closeloop.line.${form()?.dataset.line}`;

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target !== line()) return;
  event.preventDefault();
  if (line().value.trim()) form().querySelector("[data-add]").click();
});

// What is typed outlives a reload, in this tab alone: it is sealed, and may hold what nobody else should read.
let waiting = 0;
document.addEventListener("input", (event) => {
  if (event.target !== line()) return;
  remember();
  clearTimeout(waiting);
  waiting = setTimeout(read, 150);
});
function remember() {
  try {
    if (line().value) sessionStorage.setItem(place(), line().value);
    else sessionStorage.removeItem(place());
  } catch {
    // A browser may keep nothing.
  }
}
// The server reads the line, so that what is shown is what would be stored.
let asked = 0;
async function read() {
  const shown = form()?.querySelector("[data-read]");
  if (!shown) return;
  const mine = (asked += 1);
  const body = new FormData();
  body.set("line", line().value);
  body.set("csrfmiddlewaretoken", form().elements.csrfmiddlewaretoken.value);
  try {
    const answer = await fetch(shown.dataset.read, { method: "POST", body: new URLSearchParams(body), redirect: "error" });
    const words = await answer.text();
    if (answer.ok && mine === asked && shown.isConnected) shown.innerHTML = words;
  } catch {
    // Nothing is shown then; saving says what is wrong.
  }
}
function recall() {
  if (!line()) return;
  let kept = "";
  try {
    kept = sessionStorage.getItem(place()) ?? "";
  } catch {
    return;
  }
  if (kept && !line().value) {
    line().value = kept;
    read();
  }
}
recall();

// Who types fast has begun the next line before the last one is stored: what was typed meanwhile goes along.
let sent = "";
let begun = "";
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt === form()) sent = line().value;
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.requestConfig?.elt !== form() || event.detail.xhr.status !== 200) return;
  const typed = line().value;
  begun = typed.startsWith(sent) ? typed.slice(sent.length).trimStart() : typed;
  if (begun) sessionStorage.setItem(place(), begun);
  else sessionStorage.removeItem(place());
});
document.addEventListener("htmx:afterSwap", () => {
  if (!begun || !line()) return;
  line().value = begun;
  begun = "";
  read();
});

// "Split into entries" leads to a page of its own.
document.addEventListener("htmx:configRequest", (event) => {
  const button = event.detail.triggeringEvent?.submitter;
  if (!button?.matches("[data-split]")) return;
  event.preventDefault();
  const sent = form();
  sent.querySelector("[name=file]").disabled = true;
  sent.action = button.formAction;
  sent.submit();
});

// A picture from the clipboard, or dropped anywhere on the page, becomes the file of the line.
document.addEventListener("paste", (event) => take(event, event.clipboardData));
document.addEventListener("dragover", (event) => {
  if (form() && event.dataTransfer.types.includes("Files")) event.preventDefault();
});
document.addEventListener("drop", (event) => take(event, event.dataTransfer));
function take(event, data) {
  const file = data?.files?.[0];
  if (!file || !form()) return;
  event.preventDefault();
  const chosen = new DataTransfer();
  chosen.items.add(file);
  const field = form().querySelector("[name=file]");
  field.files = chosen.files;
  field.dispatchEvent(new Event("change", { bubbles: true }));
}
document.addEventListener("change", (event) => {
  if (event.target === form()?.querySelector("[name=file]")) show(event.target.files[0]);
});
function show(file) {
  const box = form().querySelector("[data-shot]");
  const picture = box.querySelector("[data-shot-picture]");
  box.hidden = !file;
  picture.hidden = true;
  if (!file) return;
  box.querySelector("[data-shot-name]").textContent = file.name;
  if (file.type.startsWith("image/")) {
    form().querySelector("[name=kind]").value = "screenshot";
    const reader = new FileReader();
    reader.onload = () => {
      picture.src = reader.result;
      picture.hidden = false;
    };
    reader.readAsDataURL(file);
  }
  // The time of a file is when it was made; it is shown, and can be changed before anything is sent.
  if (!line().value.trim() && Date.now() - file.lastModified > 60_000) {
    const zone = form().dataset.zone;
    const at = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium", timeZone: zone });
    line().value = `${at.format(file.lastModified)} ${form().dataset.shot}`;
    remember();
  }
  line().focus();
  read();
}
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-shot-drop]")) return;
  form().querySelector("[name=file]").value = "";
  show(undefined);
});
