// What somebody types is kept as a draft while they type, so that a crash of the browser or of the server loses
// nothing. A form takes part by a [data-autosave] inside it. The server keeps the draft; until it has said so, and
// while it cannot be reached, this browser keeps a copy, which goes to it as soon as any page opens.

const words = document.querySelector("template[data-drafts]").dataset;
const PAUSE = 1500;
const AT_LATEST = 6000;
const AGAIN = 5000;
const KEPT = 30 * 24 * 3600 * 1000;
// Browsers send no more than this from a page that goes away.
const LAST_WORD = 60_000;
// Others may log in to this browser: each finds their own copies only.
const SHELF = `closeloop.draft.${words.reader}.`;
const states = new Map();

// --- forms -----------------------------------------------------------------------------------------------------

function register() {
  // One that htmx has just replaced is needed until its answer is understood.
  for (const [form, state] of states) if (!form.isConnected && !state.isClosed) states.delete(form);
  for (const box of document.querySelectorAll("[data-autosave]")) {
    const form = box.closest("form");
    if (states.has(form)) continue;
    comeBack(form);
    const first = said(form);
    states.set(form, { box, first, sent: first, isStored: "stored" in box.dataset, isClosed: false, isLost: false, timer: 0, copying: 0, since: 0, busy: false });
  }
}
// What other scripts put into a form, such as the line that was typed before a reload, is typed text too.
function look() {
  for (const [form, state] of states) {
    if (!form.isConnected || state.isClosed || said(form) === state.sent) continue;
    if (said(form) !== state.first) adopt(form);
    plan(form);
  }
}
// A page that was loaded again goes on with the draft of before, instead of offering it.
function adopt(form) {
  const before = recall(tab(form));
  if (!before || states.get(form).isAdopted) return;
  states.get(form).isAdopted = true;
  hidden(form, "page").value = before.page;
  hidden(form, "number").value = Math.max(before.number, Number(hidden(form, "number").value));
  document.querySelector(`[data-draft-offer="${CSS.escape(before.page)}"]`)?.remove();
}
// Back after a save brings the form again, mostly loaded anew: it is still the page that was saved.
const sentAs = (form) => `closeloop.sent.${words.reader}.${hidden(form, "key").value}`;
const isBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
function comeBack(form) {
  const before = isBack && recall(sentAs(form));
  if (before) hidden(form, "first").value = before;
}
const hidden = (form, name) => form.querySelector(`[name=draft_${name}]`);
const tab = (form) => `closeloop.page.${words.reader}.${hidden(form, "key").value}`;
const place = (form) => SHELF + hidden(form, "page").value;
const written = (form) =>
  [...new FormData(form)].filter(
    ([name, value]) =>
      typeof value === "string" && name !== "csrfmiddlewaretoken" && !name.startsWith("draft_") && form.elements[name]?.type !== "password",
  );
const said = (form) => JSON.stringify(written(form));

function plan(form, pause = PAUSE) {
  const state = states.get(form);
  const now = Date.now();
  state.since ||= now;
  clearTimeout(state.timer);
  state.timer = setTimeout(() => send(form), Math.max(0, Math.min(pause, state.since + AT_LATEST - now)));
}
for (const happening of ["input", "change"]) {
  document.addEventListener(happening, (event) => {
    const form = event.target.closest("form");
    const state = states.get(form);
    if (!state || state.isClosed) return;
    plan(form);
    state.copying ||= setTimeout(() => copy(form), 250);
  });
}
document.addEventListener("focusout", (event) => {
  const form = event.target.closest?.("form");
  // A button that saves the form takes the focus as well, and then no draft is wanted.
  if (states.get(form)?.timer) plan(form, 400);
});

// --- the copy in this browser ------------------------------------------------------------------------------------

function copy(form) {
  const state = states.get(form);
  clearTimeout(state.copying);
  state.copying = 0;
  const number = hidden(form, "number");
  number.value = Number(number.value) + 1;
  const body = [...written(form), ...["reader", "key", "page", "number"].map((name) => [`draft_${name}`, hidden(form, name).value])];
  if (state.isStored && said(form) === state.first) body.push(["draft_empty", "1"]);
  keep(localStorage, place(form), { at: Date.now(), body });
  keep(sessionStorage, tab(form), { page: hidden(form, "page").value, number: Number(number.value) });
  return body;
}
function keep(storage, name, value) {
  try {
    storage.setItem(name, JSON.stringify(value));
  } catch {
    // A browser may keep nothing, or be full; the server still does.
  }
}
function recall(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
}
// Only the copy that was sent: another may have been made since.
function drop(name, body) {
  try {
    const there = JSON.parse(localStorage.getItem(name));
    if (!body || numberOf(there?.body) === numberOf(body)) localStorage.removeItem(name);
    return localStorage.getItem(name) === null;
  } catch {
    return false;
  }
}
const valueOf = (body, name) => body?.find(([key]) => key === name)?.[1];
const numberOf = (body) => valueOf(body, "draft_number");

// --- sending -----------------------------------------------------------------------------------------------------

async function send(form) {
  const state = states.get(form);
  clearTimeout(state.timer);
  state.timer = state.since = 0;
  if (state.isClosed || !form.isConnected) return;
  const mark = said(form);
  if (mark === state.sent && !state.isLost) return;
  if (state.busy) {
    plan(form);
    return;
  }
  state.busy = true;
  const body = copy(form);
  const shelf = place(form);
  const answer = await post(body);
  state.busy = false;
  // These words have left the form meanwhile, and others are in it.
  if (place(form) !== shelf) return;
  state.isLost = answer === "lost" || answer === "out";
  if (answer === "closed") {
    drop(place(form), body);
    if (state.isClosed) return;
    // The form was saved from here, and somebody goes on writing: that is a new draft.
    anew(form);
    plan(form);
    return;
  }
  if (state.isClosed) return;
  if (answer === "saved") {
    state.sent = mark;
    drop(place(form), body);
    say(state, valueOf(body, "draft_empty") ? "" : words.saved.replace("{time}", clock()));
  } else {
    say(state, { lost: words.lost, out: words.out }[answer] ?? words.long);
    if (!state.isLost) state.sent = mark;
    else if (!state.timer) state.timer = setTimeout(() => send(form), AGAIN);
  }
}
function anew(form) {
  hidden(form, "page").value = crypto.getRandomValues(new Uint32Array(4)).reduce((name, part) => name + part.toString(16).padStart(8, "0"), "");
  hidden(form, "number").value = 0;
}
function say(state, text) {
  const line = state.box.querySelector("[data-draft-state]");
  // The same words again would be read out again.
  if (line.textContent !== text) line.textContent = text;
}
const clock = () =>
  new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: words.zone }).format(Date.now());

function parcel(body) {
  const form = new FormData();
  for (const [name, value] of body) form.append(name, value);
  const proof = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
  form.set("csrfmiddlewaretoken", proof ?? document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "");
  return form;
}
// saved, closed (its form was saved), too-long, out (nobody, or somebody else, is logged in), or lost.
async function post(body) {
  try {
    const isLast = document.visibilityState === "hidden" && JSON.stringify(body).length < LAST_WORD;
    const answer = await fetch(words.url, { method: "POST", body: parcel(body), redirect: "manual", keepalive: isLast });
    if (answer.status === 204) return answer.headers.get("Draft-State") ?? "lost";
    if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) return "out";
    return [400, 413].includes(answer.status) ? "too-long" : "lost";
  } catch {
    return "lost";
  }
}

// --- the ends of a page ------------------------------------------------------------------------------------------

function open() {
  return [...states].filter(([form, state]) => form.isConnected && !state.isClosed && said(form) !== state.sent);
}
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") for (const [form] of open()) send(form);
});
addEventListener("pagehide", () => {
  for (const [form] of open()) {
    const body = copy(form);
    navigator.sendBeacon(words.url, parcel(body));
  }
});
addEventListener("online", () => {
  for (const [form, state] of states) if (state.isLost) send(form);
});

// The last copy stays until the next page opens: should the form not arrive, it becomes the draft.
function close(form) {
  const state = states.get(form);
  if (said(form) !== state.first || state.sent !== state.first) copy(form);
  clearTimeout(state.timer);
  clearTimeout(state.copying);
  state.timer = state.copying = state.since = 0;
  state.isClosed = true;
}
document.addEventListener("submit", (event) => {
  if (states.has(event.target) && !event.defaultPrevented && !event.target.hasAttribute("hx-post")) {
    close(event.target);
    keep(sessionStorage, sentAs(event.target), hidden(event.target, "first").value);
    forgetTab(event.target);
  }
});
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const state of states.values()) state.isClosed = false;
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (states.has(event.detail.elt)) close(event.detail.elt);
});
document.addEventListener("htmx:afterRequest", (event) => {
  // The event itself happens elsewhere once the form has been replaced.
  const form = event.detail.requestConfig?.elt;
  const state = states.get(form);
  if (!state) return;
  if (event.detail.successful) {
    drop(place(form));
    forgetTab(form);
    if (!form.isConnected) states.delete(form);
  } else {
    state.isClosed = false;
    if (form.isConnected) plan(form);
  }
});
document.addEventListener("htmx:afterSwap", () => {
  register();
  setTimeout(look);
});
function forgetTab(form) {
  try {
    sessionStorage.removeItem(tab(form));
  } catch {
    // It kept nothing.
  }
}

// Lines of a timeline leave their form to be sent by themselves: the words go with their draft, and the form begins
// another. What becomes of them is said by the page of that draft.
document.addEventListener("draft:part", ({ detail: { form } }) => {
  if (!states.has(form)) return;
  close(form);
  forgetTab(form);
});
document.addEventListener("draft:anew", ({ detail: { form } }) => {
  const state = states.get(form);
  if (!state) return;
  anew(form);
  const first = said(form);
  Object.assign(state, { first, sent: first, isStored: true, isClosed: false, isLost: false, isAdopted: false });
  say(state, "");
});
document.addEventListener("draft:end", ({ detail: { page } }) => drop(SHELF + page));
document.addEventListener("draft:drop", ({ detail: { body } }) => {
  const of = (name) => body.get(`draft_${name}`);
  if (!of("page")) return;
  drop(SHELF + of("page"));
  const facts = { reader: of("reader"), key: of("key"), page: of("page"), number: Number(of("number")) + 1, empty: 1 };
  post(Object.entries(facts).map(([name, value]) => [`draft_${name}`, value]));
});

// --- copies that were never sent -----------------------------------------------------------------------------------

async function flush() {
  let names = [];
  try {
    names = Object.keys(localStorage).filter((name) => name.startsWith("closeloop.draft."));
  } catch {
    return;
  }
  for (const name of names) {
    const there = parsed(name);
    if (!there?.body || Date.now() - there.at > KEPT) {
      drop(name);
      continue;
    }
    const isLive = [...states.keys()].some((form) => place(form) === name);
    if (!name.startsWith(SHELF) || there.isTooLong || isLive) continue;
    const answer = await post(there.body);
    if (answer === "lost" || answer === "out") return;
    if (answer === "too-long") keep(localStorage, name, { ...there, isTooLong: true });
    else if (drop(name, there.body) && answer === "saved") offer(there.body);
  }
}
function parsed(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}
// The page was made before the server knew of this draft: its offer is fetched and put above the form.
async function offer(body) {
  const name = `[data-draft-offer="${CSS.escape(valueOf(body, "draft_page"))}"]`;
  const form = [...states.keys()].find((one) => hidden(one, "key").value === valueOf(body, "draft_key"));
  if (!form || document.querySelector(name) || valueOf(body, "draft_empty")) return;
  try {
    const page = await (await fetch(location.href, { redirect: "error" })).text();
    const found = new DOMParser().parseFromString(page, "text/html").querySelector(name);
    if (!found || !form.isConnected) return;
    form.before(found);
    window.htmx?.process(found);
  } catch {
    // It is offered when the page is opened again.
  }
}

register();
document.addEventListener("DOMContentLoaded", () => {
  look();
  flush();
});
