// Answers that overtake each other, offers to undo, and where the reader goes on. After forms.js.
(() => {
  "use strict";

  const refresh = () => htmx.ajax("GET", location.pathname + location.search, { target: "body", swap: "innerMorph" });

  // An open page asks again. Nothing moves under a hand.
  const inUse = () => document.hidden || document.querySelector("form[aria-busy]") || !getSelection().isCollapsed;

  // An answer that was made before a later one's write does not get the last word.
  let asked = 0, drawn = 0, shown;
  document.addEventListener("htmx:before:request", (event) => {
    const ctx = event.detail.ctx;
    if (ctx.sourceElement.id === "poll" && inUse()) return event.preventDefault();
    ctx.number = ++asked;
    ctx.request.cache = "no-cache";  // on the way back, the browser's own copy would do for everything
  });

  document.addEventListener("htmx:before:swap", (event) => {
    const ctx = event.detail.ctx, form = ctx.sourceElement.closest("form");
    if (ctx.sourceElement.id === "poll") {
      const etag = ctx.response.headers.get("ETag");
      if (ctx.number < asked || ctx.response.status > 200 || !etag || etag === shown || inUse()) return event.preventDefault();
      shown = etag;
      document.querySelector(":is(input, textarea, select):focus")?.form?.setAttribute("data-dirty", "");
    }
    // An answer that was overtaken does not draw the page, but what it says and offers is true.
    ctx.late = form && ctx.number < drawn && !ctx.hx.pushurl;
    document.querySelector("main").toggleAttribute("data-held", ctx.late);
    document.getElementById("notice")?.toggleAttribute("data-held", !form);
    if (!form || !ctx.response) return setAside(ctx);
    if (ctx.swap === "none") return;
    drawn = Math.max(drawn, ctx.number);
    setAside(ctx, ctx.response.status < 400 && form);
    // Another page begins at its beginning.
    if (ctx.hx.pushurl || ctx.text.includes('id="refusal"')) scrollTo(0, 0);
  });

  // An offer to undo stays as long as the page is open, through other answers; only what was undone goes.
  const setAside = (ctx, done) => {
    const row = (done || document.activeElement)?.closest?.(".row, .comment, .letter");
    ctx.rows = row ? [row.nextElementSibling, row.previousElementSibling] : [];
    ctx.offers = [...document.querySelectorAll("#undo form")];
    for (const offer of ctx.offers) offer.remove();
    ctx.offers = ctx.hx.pushurl ? [] : ctx.offers.filter((offer) => offer !== done);
  };

  document.addEventListener("htmx:after:swap", (event) => {
    const { offers = [], rows = [], late } = event.detail.ctx;
    if (late) refresh();
    for (const offer of offers) if (!document.getElementById(offer.id)) document.getElementById("undo")?.append(offer);
    // Whoever pressed a button in a row that has gone goes on with the next one.
    if (document.activeElement !== document.body || !rows.length) return;
    const next = rows.find((row) => row?.isConnected) ?? document.querySelector("main h1");
    const target = next?.querySelector("a, button") ?? next;
    if (target === next) next.tabIndex = -1;
    target?.focus();
  });

  // Back may show a page as it was left. It is asked for again, and morphed in.
  const [{ type }] = performance.getEntriesByType("navigation");
  addEventListener("pageshow", ({ persisted }) => (persisted || type === "back_forward") && refresh());
})();
