// Keyboard shortcuts. Every element with data-keys="g i" is pressed (or, if it is a field, focused) by its keys;
// j and k go from row to row of a list and from card to card of the board, Enter and o open the row.
// They can be switched off in the help dialog, as WCAG 2.1.4 asks of shortcuts of a single character.

const STORE = "closeloop.keys";
const PAUSE = 1200;
let pressed = "";
let timer = 0;

const isOn = () => localStorage.getItem(STORE) !== "off";
// A row's box to tick is nothing to type into.
const isTyping = (target) => target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
const ROW = "main .table tbody tr, main .list > li, main .item-card";

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

// What opens a row: its own link, or in a table without such links the first one there is.
const opens = (row) => row.querySelector(".row-link, .item-card-title") ?? (row.matches("tr") ? row.querySelector("a[href]") : null);

function step(by) {
  const links = [...document.querySelectorAll(ROW)].map(opens).filter((link) => link?.checkVisibility());
  const here = document.activeElement.closest(ROW);
  const at = links.indexOf(here && opens(here));
  const next = at < 0 ? links.at(by > 0 ? 0 : -1) : links[Math.min(Math.max(at + by, 0), links.length - 1)];
  next?.focus({ preventScroll: true });
  next?.closest(ROW).scrollIntoView({ block: "nearest" });
  return next !== undefined;
}

function walk(key) {
  if (key === "j" || key === "k") return step(key === "j" ? 1 : -1);
  const here = key === "o" ? document.activeElement.closest(ROW) : null;
  const link = here && opens(here);
  link?.click();
  return Boolean(link);
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
  } else if (walk(event.key)) {
    event.preventDefault();
    pressed = "";
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
