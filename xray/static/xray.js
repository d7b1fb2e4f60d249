// The timeline in a window of its own: keys, pause, full screen, and new rows that blink.
(() => {
  "use strict";
  // What is pointed at here is outlined on the pages in other windows.
  const channel = new BroadcastChannel("xray");
  for (const [name, on] of [["mouseover", true], ["focusin", true], ["mouseout", false], ["focusout", false]]) {
    document.addEventListener(name, ({ target }) => {
      const parts = target.closest?.("[data-outlines]")?.dataset.outlines;
      if (parts) channel.postMessage(on ? parts : "");
    });
  }

  const timeline = document.getElementById("timeline");
  if (!timeline) return;
  const pause = document.querySelector("[data-xray-pause]");
  pause.parentElement.hidden = false;

  const links = () => [...timeline.querySelectorAll("a")];
  const step = (by) => {
    const all = links(), at = all.indexOf(document.activeElement);
    all[Math.max(0, Math.min(all.length - 1, at + by))]?.focus();
  };
  const keys = {
    j: () => step(1),
    k: () => step(-1),
    p: () => pause.click(),
    f: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
    if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
  });

  let known = new Set([...timeline.children].map((row) => row.id));
  document.addEventListener("htmx:before:request", (event) => { if (pause.checked) event.preventDefault(); });
  document.addEventListener("htmx:after:swap", () => {
    const rows = [...timeline.children];
    for (const row of rows) row.classList.toggle("new", Boolean(row.id) && !known.has(row.id));
    known = new Set(rows.map((row) => row.id));
  });
})();
