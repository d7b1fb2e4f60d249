// Answers that overtake each other, offers to undo, and where the reader goes on. After forms.js.
(() => {
  "use strict";

  const refresh = () => htmx.ajax("GET", location.pathname + location.search, { target: "body", swap: "innerMorph" });

  // An answer that was made before a later one's write does not get the last word.
  let asked = 0, drawn = 0;
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    ctx.number = ++asked;
    ctx.request.cache = "no-cache";  // on the way back, the browser's own copy would do for everything
  });

  document.addEventListener("htmx:before:swap", (event) => {
    const ctx = event.detail.ctx, form = ctx.sourceElement?.closest?.("form");
    if (!form || !ctx.response) return setAside(ctx);
    if (ctx.swap === "none") return;
    if (ctx.number < drawn && !ctx.hx.pushurl) {
      event.preventDefault();
      return void sayLate(ctx.text);
    }
    drawn = ctx.number;
    setAside(ctx, ctx.response.status < 400 && form);
    // Another page begins at its beginning.
    if (ctx.hx.pushurl || ctx.text.includes('id="refusal"')) scrollTo(0, 0);
  });

  // An offer to undo stays as long as the page is open, through other answers; only what was undone goes.
  const setAside = (ctx, done) => {
    const row = (done || document.activeElement)?.closest?.(".row, .comment, .letter");
    ctx.rows = row ? [row.nextElementSibling, row.previousElementSibling] : [];
    ctx.sizes = [...document.querySelectorAll("textarea[style]")].map((area) => [area, area.style.cssText]);
    ctx.offers = [...document.querySelectorAll("#undo form")];
    for (const offer of ctx.offers) offer.remove();
    ctx.offers = ctx.hx?.pushurl ? [] : ctx.offers.filter((offer) => offer !== done);
  };

  document.addEventListener("htmx:after:swap", (event) => {
    const { offers = [], rows = [], sizes = [] } = event.detail.ctx;
    for (const [area, size] of sizes) area.style.cssText = size;
    for (const offer of offers) if (!document.getElementById(offer.id)) document.getElementById("undo")?.append(offer);
    // Whoever pressed a button in a row that has gone goes on with the next one.
    if (document.activeElement !== document.body || !rows.length) return;
    const next = rows.find((row) => row?.isConnected) ?? document.querySelector("main h1");
    const target = next?.querySelector("a, button") ?? next;
    if (target === next) next.tabIndex = -1;
    target?.focus();
  });

  // An answer that was overtaken does not draw the page, but what it says and offers is true.
  const sayLate = async (html) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    await refresh();
    const said = page.getElementById("notice"), notice = document.getElementById("notice");
    notice?.replaceChildren(said?.textContent ?? "");
    notice?.classList.toggle("failed", Boolean(said?.matches(".failed")));
    for (const offer of page.querySelectorAll("#undo form")) {
      document.getElementById("undo")?.append(offer);
      htmx.process(offer);
    }
  };

  // Back may show a copy that the browser kept. It is asked for again, and morphed in.
  addEventListener("pageshow", (event) => {
    const [visit] = performance.getEntriesByType("navigation");
    if (event.persisted || (visit.type === "back_forward" && visit.transferSize === 0)) refresh();
  });
})();
