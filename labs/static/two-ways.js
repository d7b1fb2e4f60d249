// The instruments: counts what each press takes, and compares what is shown with what is so. Part of neither side.
(() => {
  "use strict";

  const SIDES = { ours: /\/_actions\/posts\./, theirs: /\/lab\/two-ways\/(posts|published|drafts)/ };
  let side = "", pressed = 0;

  document.addEventListener("click", ({ target }) => {
    const panel = target.closest?.("button") && target.closest(".ours, .theirs");
    if (!panel) return;
    side = panel.matches(".ours") ? "ours" : "theirs";
    pressed = performance.now();
  }, true);

  // Each request by its address; where the X-ray has seen it, that leads to what it has seen.
  const stripOf = ({ name, duration, serverTiming }) => {
    const row = document.createElement("li"), trace = serverTiming.find((entry) => entry.name === "trace")?.description;
    const said = Object.assign(document.createElement(trace ? "a" : "span"), { textContent: new URL(name).pathname });
    if (trace) said.href = `/xray/${trace}`;
    row.append(said, ` ${Math.round(duration)} ms`);
    return row;
  };

  const figures = {}, strips = {};
  const measure = () => {
    const taken = performance.getEntriesByType("resource").filter((entry) => SIDES[side]?.test(entry.name) && entry.startTime >= pressed);
    if (taken.length) {
      figures[side] = {
        requests: String(taken.length),
        bytes: taken.reduce((sum, entry) => sum + entry.transferSize, 0).toLocaleString("en"),
        time: `${Math.round(Math.max(...taken.map((entry) => entry.responseEnd)) - pressed)} ms`,
      };
      strips[side] = taken.map(stripOf);
    }
    draw();
  };

  // The morph brings the page as the server knows it, which has no figures.
  const draw = () => {
    for (const [name, rows] of Object.entries(strips)) document.querySelector(`[data-strip=${name}]`)?.replaceChildren(...rows);
    for (const [name, values] of Object.entries(figures)) {
      for (const [figure, text] of Object.entries(values)) {
        const cell = document.querySelector(`[data-side=${name}] [data-figure=${figure}]`);
        if (cell) cell.textContent = text;
      }
    }
  };

  // Of the side that was pressed: the other one has not been asked.
  const compare = async () => {
    const response = side && await fetch("/lab/two-ways/truth");
    if (!response?.ok) return;
    const truth = await response.json(), notes = [];
    for (const cell of document.querySelectorAll("[data-truth]")) {
      const so = String(truth[cell.dataset.truth]), is = cell.textContent;
      const stale = cell.closest(`.${side}`) !== null && is !== "" && is !== so;
      cell.parentElement.classList.toggle("glows", stale);
      cell.parentElement.dataset.note = stale ? `server says ${so}, page says ${is}` : "";
      if (stale) notes.push(cell.parentElement.dataset.note);
    }
    document.getElementById("comparison").textContent = notes.length ? `Stale: ${notes.join("; ")}.` : "";
  };

  let waiting;
  const soon = () => {
    draw();
    clearTimeout(waiting);
    waiting = setTimeout(() => { measure(); compare(); }, 250);
  };
  document.addEventListener("client:drawn", soon);
  document.addEventListener("htmx:after:swap", soon);
})();
