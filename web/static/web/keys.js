// Keyboard shortcuts. Every element with data-keys="g i" is pressed (or, if it is a field, focused) by its keys.
// They can be switched off in the help dialog, as WCAG 2.1.4 asks of shortcuts of a single character.

const STORE = "closeloop.keys";
const PAUSE = 1200;
let pressed = "";
let timer = 0;

const isOn = () => localStorage.getItem(STORE) !== "off";
const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

function act(element) {
  if (element.matches("input, textarea, select")) {
    const rail = element.closest("[popover]");
    if (rail && getComputedStyle(rail).display === "none") rail.showPopover();
    element.focus();
    element.select?.();
  } else {
    element.click();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target) || !isOn()) return;
  if (event.key.length !== 1 || document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    event.preventDefault();
    const help = document.getElementById("keys-dialog");
    help?.showModal();
    // Not the switch, which comes first: space would then turn the shortcuts off.
    help?.querySelector(".dialog-foot button").focus();
    return;
  }
  pressed = `${pressed} ${event.key}`.trim();
  clearTimeout(timer);
  timer = setTimeout(() => { pressed = ""; }, PAUSE);
  const elements = [...document.querySelectorAll("[data-keys]")];
  const hit = elements.find((element) => element.dataset.keys === pressed) ?? elements.find((element) => element.dataset.keys === event.key);
  if (hit) {
    event.preventDefault();
    pressed = "";
    act(hit);
  }
});

const list = document.querySelector("[data-keys-list]");
if (list) {
  for (const element of document.querySelectorAll("[data-keys]")) {
    const term = document.createElement("dt");
    term.className = "keys";
    for (const key of element.dataset.keys.split(" ")) {
      const cap = document.createElement("kbd");
      cap.textContent = key;
      term.append(cap);
    }
    const words = document.createElement("dd");
    words.textContent = element.dataset.keysLabel ?? element.textContent.trim();
    list.append(term, words);
  }
}

const control = document.querySelector("[data-keys-switch]");
if (control) {
  control.checked = isOn();
  control.addEventListener("change", () => localStorage.setItem(STORE, control.checked ? "on" : "off"));
}
