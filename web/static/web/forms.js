// Small comforts of forms; every form works without them.

// A filter bar applies itself: at once for choices, after a pause for words.
let waiting = 0;
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-autosubmit]");
  if (form && !event.target.matches("input[type=search], input[type=text]")) form.requestSubmit();
});
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-autosubmit]");
  if (!form || !event.target.matches("input[type=search], input[type=text]") || event.isComposing) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => form.requestSubmit(), 500);
});
// Empty filters do not belong in the address.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-autosubmit]")) return;
  for (const field of event.target.elements) if (field.name && field.value === "") field.disabled = true;
});

// Leaving a page with unsaved words asks first.
const changed = new Set();
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-guard]");
  if (form) changed.add(form);
});
for (const end of ["submit", "reset"]) document.addEventListener(end, (event) => changed.delete(event.target));
addEventListener("beforeunload", (event) => {
  for (const form of changed) if (form.isConnected) event.preventDefault();
});

// A second press while the first is on its way does nothing.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
  // An answer that is a download leaves the page as it is.
  setTimeout(() => delete form.dataset.sent, 5000);
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const field of document.querySelectorAll("form[data-autosubmit] :disabled")) field.disabled = false;
});

// After a refused form the reader starts at the list of what to correct.
document.querySelector("[data-focus]")?.focus();

// Rows of a formset: <template data-row-template> next to [data-rows]; the button carries data-add-row="prefix".
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-add-row]");
  if (!button) return;
  const prefix = button.dataset.addRow;
  const total = document.querySelector(`[name="${prefix}-TOTAL_FORMS"]`);
  const rows = document.querySelector(`[data-rows="${prefix}"]`);
  const template = document.querySelector(`template[data-row-template="${prefix}"]`);
  if (!total || !rows || !template) return;
  rows.insertAdjacentHTML("beforeend", template.innerHTML.replaceAll("__prefix__", total.value));
  total.value = Number(total.value) + 1;
  rows.lastElementChild?.querySelector("input:not([type=hidden]), select, textarea")?.focus();
});

// A login in another tab changes the proof of origin: the cookie has the new one, this page the old.
const proof = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
document.addEventListener("submit", (event) => {
  const field = event.target.elements?.csrfmiddlewaretoken;
  if (field && proof()) field.value = proof();
}, { capture: true });

// htmx sends the same proof of origin as our forms do.
document.addEventListener("htmx:configRequest", (event) => {
  const { headers, parameters, verb } = event.detail;
  const token = proof() ?? document.querySelector("input[name=csrfmiddlewaretoken]")?.value;
  if (!token) return;
  headers["X-CSRFToken"] = token;
  if (verb !== "get" && parameters.csrfmiddlewaretoken) parameters.csrfmiddlewaretoken = token;
});

// Our refusals stand beside the form, which keeps what was typed. Other errors, such as a proxy's page, are let
// in nowhere; a sentence of this page says that nothing was saved.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr } = event.detail;
  forget(target);
  if (xhr.status >= 400 && xhr.getResponseHeader("HX-Reswap")) event.detail.shouldSwap = true;
});
for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
  document.addEventListener(failure, (event) => {
    const { target, xhr } = event.detail;
    const words = document.querySelector("template[data-not-sent]");
    // Hints save nothing, so their failure says nothing about what was typed.
    if (!words || target.matches(".wording") || xhr.getResponseHeader("HX-Reswap")) return;
    forget(target);
    target.before(words.content.cloneNode(true));
  });
}
function forget(target) {
  const last = target.previousElementSibling;
  if (last?.matches("[data-refusal]")) last.remove();
}

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt?.closest?.("form");
  if (!form) return;
  delete form.dataset.sent;
  // A button inside, such as a preview, sends nothing of it away.
  if (event.detail.elt !== form) return;
  if (event.detail.successful) changed.delete(form);
  else if (form.matches("[data-guard]")) changed.add(form);
});

// A hint on the wording leads to its words. It counts code points, a field counts UTF-16 units.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-select]");
  const field = button && document.querySelector(button.dataset.select);
  if (!field) return;
  const units = (points) => Array.from(field.value).slice(0, points).join("").length;
  field.focus();
  field.setSelectionRange(units(button.dataset.start), units(button.dataset.end));
});

// What is missing names the place that mends it: unfold that place and put the focus on its field.
const FIELD = "input:not([type=hidden]), select, textarea";
function mend() {
  const place = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  if (!place || document.querySelector("[data-focus]")) return;
  for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  const inside = place.id.startsWith("id_") ? FIELD : "[data-mends]";
  const field = place.matches(`${FIELD}, button, a`) ? place : place.querySelector(inside);
  if (!field) return;
  field.focus({ preventScroll: true });
  field.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", mend);
// The browser itself goes to the place once more when the page is loaded, and takes the focus with it.
addEventListener("load", () => setTimeout(mend));
// On this very page nothing is asked for anew: words that are typed and not saved stay.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-mend]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || link.pathname !== location.pathname) return;
  if (!document.getElementById(link.hash.slice(1))) return;
  event.preventDefault();
  if (location.hash === link.hash) mend();
  else location.hash = link.hash;
});
