// What htmx does not do by itself under a strict policy. Every form works without this file.
(() => {
  "use strict";

  const formOf = (event) => event.detail.ctx?.sourceElement?.closest?.("form");
  const say = (text, failed) => {
    const notice = document.getElementById("notice");
    notice.textContent = text;
    notice.classList.toggle("failed", failed);
  };
  const refresh = () => htmx.ajax("GET", location.pathname + location.search, { target: "body", swap: "innerMorph" });

  // A form with unsent text is left alone by answers to other forms, and so is one in flight (morphSkip in layout.html).
  document.addEventListener("input", (event) => event.target.form?.setAttribute("data-dirty", ""));

  // A switch or a heart flips at once. The server's page has the last word; if none comes, it flips back.
  const flip = (form) => {
    const button = form.querySelector("[aria-pressed], [aria-checked]");
    const name = button.hasAttribute("aria-pressed") ? "aria-pressed" : "aria-checked";
    const on = button.getAttribute(name) !== "true";
    button.setAttribute(name, String(on));
    const count = button.querySelector("[data-count]");
    if (count) count.textContent = Number(count.textContent) + (on ? 1 : -1);
  };

  // Answers may overtake each other. One that was made before a later one's write does not get the last word.
  let asked = 0, shown = 0;

  document.addEventListener("htmx:before:request", (event) => {
    const form = formOf(event);
    event.detail.ctx.turn = ++asked;
    form?.setAttribute("aria-busy", "true");
    if (form?.matches("[data-optimistic]")) flip(form);
  });

  document.addEventListener("htmx:finally:request", (event) => formOf(event)?.removeAttribute("aria-busy"));

  document.addEventListener("htmx:before:swap", (event) => {
    const ctx = event.detail.ctx, form = formOf(event);
    // Only what arrives now may take the focus, not the summary of a form that was refused earlier.
    for (const old of document.querySelectorAll("[autofocus]")) old.removeAttribute("autofocus");
    if (!form || !ctx.response) return;
    if (ctx.swap === "none") return refused(form, ctx.text);
    form.removeAttribute("aria-busy");
    // More may have been typed into a search meanwhile: its answer is the list, and leaves the form alone.
    if (!form.matches("[role=search]")) {
      form.removeAttribute("data-dirty");
      // From here on each field shows what the page says: htmx keeps typed text otherwise, after a success too.
      if (ctx.response.status < 400) form.reset();
    }
    for (const secret of form.querySelectorAll("[type=password]")) secret.value = "";
    if (ctx.turn < shown && !ctx.hx.pushurl) {
      event.preventDefault();
      return void refresh();
    }
    shown = ctx.turn;
    // Another page begins at its beginning.
    if (ctx.hx.pushurl || ctx.text.includes('id="refusal"')) scrollTo(0, 0);
  });

  document.addEventListener("htmx:error", (event) => {
    const form = formOf(event);
    if (form) refused(form, "", "The server cannot be reached. Nothing was saved; what you typed is still here.");
  });

  // Back may show a copy that the browser kept. It is asked for again, and morphed in.
  addEventListener("pageshow", (event) => {
    const [visit] = performance.getEntriesByType("navigation");
    if (event.persisted || (visit.type === "back_forward" && visit.transferSize === 0)) refresh();
  });

  // 413, 5xx and no answer at all: the page stays, and so does what was typed.
  function refused(form, html, text) {
    if (form.matches("[data-optimistic]")) flip(form);
    const page = new DOMParser().parseFromString(html, "text/html");
    const said = page.querySelector("#refusal h1") ?? page.getElementById("notice");
    say(text ?? (said?.textContent.trim() || "That did not work. Nothing was saved; what you typed is still here."), true);
  }
})();
