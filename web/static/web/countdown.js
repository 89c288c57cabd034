// The time left to a deadline goes on by itself; without this script the page says what it was when it was sent.
// The server's clock counts: the reader's own may be wrong, so only the time since the page came is added.
const came = performance.now();
const units = [["d", 86400], ["h", 3600], ["m", 60]];

function show(clock) {
  const passed = (performance.now() - came) / 1000;
  const left = Number(clock.dataset.left) - passed;
  let rest = Math.floor(Math.abs(left) / 60) * 60;
  const parts = [];
  for (const [name, seconds] of units) {
    const count = Math.floor(rest / seconds);
    rest -= count * seconds;
    if ((count || (name === "m" && !parts.length)) && parts.length < 2) parts.push(clock.dataset[name].replace("1", count));
  }
  clock.textContent = (left >= 0 ? clock.dataset.ahead : clock.dataset.over).replace("0", parts.join(" "));
}

const clocks = document.querySelectorAll("[data-left]");
if (clocks.length) setInterval(() => clocks.forEach(show), 20000);
