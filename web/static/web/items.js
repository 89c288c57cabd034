// Comforts of the list of items: tick all, and how many are ticked.
for (const form of document.querySelectorAll("form[data-picks]")) {
  const boxes = () => [...form.querySelectorAll("input[name=item]")];
  const all = form.querySelector("[data-pick-all]");
  const words = form.querySelector("[data-picked]");
  const count = () => {
    const ticked = boxes().filter((box) => box.checked).length;
    if (all) {
      all.checked = ticked > 0 && ticked === boxes().length;
      all.indeterminate = ticked > 0 && !all.checked;
    }
    words.hidden = !ticked;
    words.textContent = words.dataset.words.replace("{n}", ticked);
  };
  form.addEventListener("change", (event) => {
    if (event.target === all) for (const box of boxes()) box.checked = all.checked;
    count();
  });
  // A browser that goes back keeps what was ticked.
  addEventListener("pageshow", count);
}

// The board: a card is dragged, or picked up with Space and moved with the arrows. Each drop presses the
// button that is on the card anyway, so nothing can be done here that cannot be done without this script.
const board = document.querySelector("[data-board]");
if (board) {
  const says = document.querySelector("[data-board-says]");
  const columns = [...board.querySelectorAll("[data-column]")];
  const form = (card, column) => card.querySelector(`form[data-to="${column.dataset.column}"]`);
  let held = null;
  let over = null;

  const mark = (card) => {
    for (const column of columns) {
      column.classList.toggle("is-open", Boolean(card && form(card, column)));
      column.classList.toggle("is-shut", Boolean(card && !form(card, column) && !column.contains(card)));
      column.classList.remove("is-over");
    }
    board.classList.toggle("is-moving", Boolean(card));
  };
  const drop = (card, column) => {
    const way = form(card, column);
    mark(null);
    held = over = null;
    if (way) way.requestSubmit();
    else says.textContent = column.dataset.why ?? says.dataset.dropped;
  };

  for (const card of board.querySelectorAll("[data-card]")) {
    if (!card.querySelector("form[data-to]")) continue;
    card.draggable = true;
    card.tabIndex = 0;
    card.setAttribute("aria-roledescription", card.querySelector("summary")?.firstChild.textContent ?? "");
    card.addEventListener("dragstart", (event) => {
      event.dataTransfer.setData("text/plain", card.dataset.card);
      event.dataTransfer.effectAllowed = "move";
      held = card;
      mark(card);
    });
    card.addEventListener("dragend", () => {
      mark(null);
      held = null;
    });
    card.addEventListener("keydown", (event) => {
      if (event.target !== card) return;
      if (event.key === " " && !held) {
        event.preventDefault();
        held = card;
        over = columns.findIndex((column) => column.contains(card));
        mark(card);
        card.classList.add("is-held");
        says.textContent = says.dataset.pickedUp;
      } else if (held === card && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
        event.preventDefault();
        const step = event.key === "ArrowLeft" ? -1 : 1;
        over = Math.min(columns.length - 1, Math.max(0, over + step));
        for (const column of columns) column.classList.toggle("is-over", column === columns[over]);
        columns[over].scrollIntoView({ block: "nearest", inline: "nearest" });
        const why = form(card, columns[over]) ? "" : (columns[over].dataset.why ?? "");
        says.textContent = `${says.dataset.over.replace("{column}", columns[over].dataset.name)} ${why}`;
      } else if (held === card && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        card.classList.remove("is-held");
        drop(card, columns[over]);
      } else if (held === card && event.key === "Escape") {
        event.preventDefault();
        card.classList.remove("is-held");
        mark(null);
        held = null;
        says.textContent = says.dataset.dropped;
      } else if (event.key === "Enter") {
        card.querySelector("a").click();
      }
    });
  }
  for (const column of columns) {
    column.addEventListener("dragover", (event) => {
      if (!held || !form(held, column)) return;
      event.preventDefault();
      column.classList.add("is-over");
    });
    column.addEventListener("dragleave", () => column.classList.remove("is-over"));
    column.addEventListener("drop", (event) => {
      event.preventDefault();
      if (held) drop(held, column);
    });
  }
}
