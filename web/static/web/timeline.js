// The line of a personal timeline: Enter saves it, it is read while it is typed, screenshots fall into it.
// Everything here is comfort: the form works without it.

const form = () => document.querySelector("form[data-line]");
const line = () => form()?.querySelector("[name=line]");
const place = () => `closeloop.line.${form()?.dataset.line}`;

// A text of several lines may be several events: the server is asked first, unless its answer stands below the box.
let pressed = {};
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target !== line()) return;
  event.preventDefault();
  const text = line().value.trim();
  if (!text) return;
  const many = text.includes("\n") && known.text === line().value ? known.many : 0;
  pressed = { isByEnter: true, isAsking: text.includes("\n") && known.text !== line().value };
  form().querySelector(many ? "[data-split]" : "[data-add]").click();
  pressed = {};
});

// What is typed outlives a reload, in this tab alone: it is sealed, and may hold what nobody else should read.
let pause = 0;
document.addEventListener("input", (event) => {
  if (event.target.form !== form()) return;
  isTouched = true;
  if (event.target !== line()) return;
  unmark(line().closest(".field"));
  remember();
  clearTimeout(pause);
  pause = setTimeout(read, 150);
});
function remember(text = line().value) {
  try {
    if (text) sessionStorage.setItem(place(), text);
    else sessionStorage.removeItem(place());
  } catch {
    // A browser may keep nothing.
  }
}
// The server reads the line, so that what is shown is what would be stored.
let asked = 0;
let known = { text: "", many: 0 };
const hint = document.querySelector("[data-read]")?.innerHTML;
async function read() {
  const shown = form()?.querySelector("[data-read]");
  if (!shown) return;
  const mine = (asked += 1);
  const text = line().value;
  const words = await readingOf(text);
  if (words === null || mine !== asked || !shown.isConnected) return;
  shown.innerHTML = words;
  known = { text, many: manyIn(shown) };
}
// Nothing is shown when it cannot be read; saving says what is wrong.
async function readingOf(text) {
  const body = new URLSearchParams({ line: text, csrfmiddlewaretoken: proof() });
  try {
    const answer = await fetch(form().querySelector("[data-read]").dataset.read, { method: "POST", body, redirect: "error" });
    return answer.ok ? await answer.text() : null;
  } catch {
    return null;
  }
}
const manyIn = (shown) => Number(shown.querySelector("[data-many]")?.dataset.many ?? 0);
// A login in another tab changes the proof of origin: the cookie has the new one.
const proof = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? form().elements.csrfmiddlewaretoken.value;
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
// --- lines on their way -----------------------------------------------------------------------------------------

// Each line leaves the box at once and is sent by itself, one after the other: who types fast is ahead of the
// server, and "+5m" counts from the line before. One that is not stored comes back in sight; the others go on.
let lines = [];
let isSending = false;
// Whether the box was used since the last line left it.
let isTouched = false;
const ends = [];
const whenSent = () => new Promise((go) => (isSending ? ends.push(go) : go()));
const isBoxUsed = () => Boolean(form() && (line().value.trim() || form().elements.file.files.length));
const tell = (happening, detail) => document.dispatchEvent(new CustomEvent(happening, { detail }));

document.addEventListener(
  "submit",
  (event) => {
    if (event.target !== form()) return;
    if (event.submitter?.matches("[data-split]")) {
      split(event);
      return;
    }
    event.preventDefault();
    line().focus();
    if (!isBoxUsed() && lines.length) return;
    lines.push(leave(pressed));
    draw();
    sendAll();
  },
  { capture: true },
);

// The words of the box as a line of their own; the box is empty then, and its draft is another one.
function leave(facts) {
  const box = form();
  tell("draft:part", { form: box });
  const one = { body: new FormData(box), isHeld: false, isByEnter: false, isAsking: false, many: 0, why: [], ...facts };
  const { kind, marker, milestone, is_starred: star, file } = box.elements;
  const next = kind.value === "screenshot" ? "note" : kind.value;
  box.reset();
  line().value = marker.value = milestone.value = file.value = "";
  kind.value = next;
  star.checked = isTouched = false;
  unmark();
  show(undefined);
  remember();
  clearTimeout(pause);
  asked += 1;
  box.querySelector("[data-read]").innerHTML = hint;
  tell("draft:anew", { form: box });
  return one;
}
// The other way round; what stands in the box is held meanwhile.
function takeUp(one) {
  const held = isBoxUsed() ? [leave({ isHeld: true })] : [];
  lines = [...lines.filter((other) => other !== one), ...held];
  const box = form();
  const file = one.body.get("file");
  if (file?.size) {
    choose(file);
    line().value = one.body.get("line");
    show(file);
  }
  for (const name of ["line", "kind", "marker", "milestone", "draft_page", "draft_number"]) {
    if (box.elements[name] && one.body.has(name)) box.elements[name].value = one.body.get(name);
  }
  box.elements.is_starred.checked = one.body.has("is_starred");
  line().dispatchEvent(new Event("input", { bubbles: true }));
  line().focus();
  line().setSelectionRange(line().value.length, line().value.length);
  draw();
}

async function sendAll() {
  if (isSending) return;
  isSending = true;
  for (let one; (one = lines.find((other) => !other.isHeld)); draw()) {
    const refusal = await send(one);
    if (refusal) {
      comeBack(one, refusal);
      continue;
    }
    lines = lines.filter((other) => other !== one);
    tell("draft:end", { page: one.body.get("draft_page") });
    // "+5m" counts from another entry now.
    if (line().value) read();
  }
  isSending = false;
  for (const go of ends.splice(0)) go();
}
// Nothing when the line is stored, else why it is not.
async function send(one) {
  if (one.isAsking) {
    const shown = document.createElement("div");
    shown.innerHTML = (await readingOf(one.body.get("line"))) ?? "";
    const many = manyIn(shown);
    if (many) return { many, why: [...shown.querySelectorAll(".reading")].map(wordsOf) };
  }
  one.body.set("csrfmiddlewaretoken", proof());
  let answer = null;
  let page = new Document();
  try {
    answer = await fetch(form().action, { method: "POST", body: one.body, headers: { "HX-Request": "true" }, redirect: "error" });
    page = new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    // No answer, or half of one.
    answer = null;
  }
  const mine = page.getElementById?.("mine");
  if (answer?.ok && mine) {
    renew(mine);
    return null;
  }
  if (answer?.status === 422 && mine) {
    const errors = [...mine.querySelectorAll("form[data-line] .errors")];
    if (errors.length) return { errors, why: errors.map(wordsOf) };
    // A timeline that was filed meanwhile has no form, but says so.
    const why = wordsOf(mine.querySelector(".message"));
    const said = Object.assign(document.createElement("p"), { className: "errors", textContent: why });
    return { errors: [said], why: [why] };
  }
  const refusal = answer?.headers.has("HX-Reswap") ? page.querySelector("[data-refusal]") : null;
  const said = refusal ?? document.querySelector("template[data-not-sent]").content.cloneNode(true).firstElementChild;
  unsay();
  document.getElementById("mine").before(said);
  return { isLost: true, why: [wordsOf(said.querySelector("div"))] };
}
const wordsOf = (element) => element.textContent.trim().replace(/\s+/g, " ");
function unsay() {
  const last = document.getElementById("mine").previousElementSibling;
  if (last?.matches("[data-refusal]")) last.remove();
}
// Into the box it goes back only where nobody has typed since and nothing follows: lines must not run together. Who
// presses Enter may be about to type: what was refused would be refused with more behind it, other lines would not.
function comeBack(one, { why, errors = [], many = 0, isLost = false }) {
  const isAlone = !(isLost && one.isByEnter) && !isTouched && !isBoxUsed() && !one.isAgain && lines.every((other) => other === one || other.isHeld);
  if (!isAlone) {
    Object.assign(one, { why, many, isHeld: true, isAsking: false });
    return;
  }
  takeUp(one);
  if (many) form().querySelector("[data-split]").click();
  for (const list of errors) mark(list);
}
function mark(list) {
  const field = form().elements[list.closest(".field")?.querySelector("[name]")?.name];
  if (!field) {
    form().querySelector(".field").before(list);
    return;
  }
  field.closest(".field").append(list);
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", list.id);
}
function unmark(where = form()) {
  for (const list of where.querySelectorAll(".errors")) list.remove();
  for (const field of where.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

// All but the form is new: who types in it goes on typing.
function renew(fresh) {
  const box = form().closest("section");
  const theirs = fresh.querySelector("form[data-line]")?.closest("section");
  if (!theirs) return;
  // Drafts of lines that are still here are not offered.
  for (const page of [form().elements.draft_page?.value, ...lines.map((one) => one.body.get("draft_page"))]) {
    if (page) fresh.querySelector(`[data-draft-offer="${CSS.escape(page)}"]`)?.remove();
  }
  unsay();
  const link = document.activeElement.closest("#mine a");
  const focus = link && !box.contains(link) ? link.getAttribute("href") : "";
  for (const part of [...box.parentElement.children]) if (part !== box) part.remove();
  const parts = [...fresh.children];
  const at = parts.indexOf(theirs);
  box.before(...parts.slice(0, at));
  box.after(...parts.slice(at + 1));
  for (const part of parts) if (part !== theirs) window.htmx?.process(part);
  if (focus) document.querySelector(`#mine a[href="${CSS.escape(focus)}"]`)?.focus();
}

function draw() {
  const list = document.querySelector("[data-lines]");
  const isFocused = list.contains(document.activeElement);
  for (const one of lines) {
    one.row ??= rowOf(one);
    if (!one.row.isConnected) list.append(one.row);
    one.row.classList.toggle("waiting", !one.isHeld);
    for (const part of one.row.querySelectorAll("[data-when]")) {
      const has = { waiting: !one.isHeld, held: one.isHeld, why: one.isHeld && one.why.length, one: one.isHeld && !one.many, many: one.isHeld && one.many };
      part.hidden = !has[part.dataset.when];
    }
    one.row.querySelector("[data-why]").textContent = one.why.join(" ");
  }
  for (const row of [...list.children]) if (!lines.some((one) => one.row === row)) row.remove();
  list.hidden = !lines.length;
  if (isFocused && !list.contains(document.activeElement)) line().focus();
}
function rowOf(one) {
  const row = document.querySelector("template[data-line-row]").content.cloneNode(true).firstElementChild;
  row.querySelector("[data-text]").textContent = textOf(one);
  return row;
}
const textOf = (one) => one.body.get("line").trim() || one.body.get("file")?.name || "";

document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-line-act]")?.dataset.lineAct;
  const one = act && lines.find((other) => other.row?.contains(event.target));
  if (!one) return;
  if (act === "again") again(one);
  else if (act === "drop") drop(one);
  else takeUp(one);
  if (act === "split") form().querySelector("[data-split]").click();
});
function again(one) {
  Object.assign(one, { isHeld: false, isAgain: true, why: [] });
  draw();
  sendAll();
}
function drop(one) {
  lines = lines.filter((other) => other !== one);
  tell("draft:drop", { body: one.body });
  draw();
}
addEventListener("beforeunload", (event) => {
  if (lines.length) event.preventDefault();
});

// "Split into entries" leads to a page of its own, once what was typed before is stored. A file stays behind.
function split(event) {
  if (isSending) {
    const button = event.submitter;
    event.preventDefault();
    whenSent().then(() => form().requestSubmit(button));
    return;
  }
  remember("");
  const file = form().elements.file;
  file.disabled = true;
  setTimeout(() => (file.disabled = false));
}

// --- filing -----------------------------------------------------------------------------------------------------

// A filed timeline takes no more lines: what is not stored is asked about first.
const left = () => document.getElementById("lines-left");
document.addEventListener(
  "click",
  async (event) => {
    const opener = event.target.closest('[data-dialog="confirm-file"]');
    if (!opener || !form() || !(isBoxUsed() || lines.length)) return;
    event.preventDefault();
    event.stopPropagation();
    await whenSent();
    askToFile();
  },
  { capture: true },
);
function askToFile() {
  const texts = lines.map(textOf);
  if (isBoxUsed()) texts.push(line().value.trim() || form().elements.file.files[0].name);
  if (!texts.length) {
    document.getElementById("confirm-file").showModal();
    return;
  }
  for (const part of left().querySelectorAll("[data-when]")) part.hidden = (part.dataset.when === "one") !== (texts.length === 1);
  left().querySelector("[data-texts]").replaceChildren(
    ...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
  );
  left().showModal();
}
document.addEventListener("click", async (event) => {
  const act = event.target.closest("[data-left-act]")?.dataset.leftAct;
  if (!act) return;
  left().close();
  if (act === "back") {
    (isBoxUsed() ? line() : lines[0].row.querySelector("button:not([hidden])")).focus();
    return;
  }
  if (act === "drop") {
    if (isBoxUsed()) lines.push(leave({ isHeld: true }));
    for (const one of lines) drop(one);
  } else {
    if (isBoxUsed()) lines.push(leave({ isAsking: line().value.trim().includes("\n") }));
    for (const one of lines) Object.assign(one, { isHeld: false, isAsking: one.isAsking || one.many > 0 });
    draw();
    sendAll();
    await whenSent();
  }
  // One that is refused has said why.
  if (!lines.length && !isBoxUsed()) askToFile();
});

// A picture from the clipboard, or dropped anywhere on the page, becomes the file of the line.
document.addEventListener("paste", (event) => receive(event, event.clipboardData));
document.addEventListener("dragover", (event) => {
  if (form() && event.dataTransfer.types.includes("Files")) event.preventDefault();
});
document.addEventListener("drop", (event) => receive(event, event.dataTransfer));
function receive(event, data) {
  const file = data?.files?.[0];
  if (!file || !form()) return;
  event.preventDefault();
  choose(file).dispatchEvent(new Event("change", { bubbles: true }));
}
function choose(file) {
  const chosen = new DataTransfer();
  chosen.items.add(file);
  const field = form().querySelector("[name=file]");
  field.files = chosen.files;
  return field;
}
document.addEventListener("change", (event) => {
  if (event.target.form !== form()) return;
  isTouched = true;
  if (event.target.name === "file") show(event.target.files[0]);
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

recall();
