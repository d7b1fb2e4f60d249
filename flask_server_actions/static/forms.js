// What happens to a form while it is on its way. Every form works without this file.
// It announces: `server-actions:done` on a form whose action succeeded, before the answer is drawn.
(() => {
  "use strict";

  const formOf = (event) => event.detail.ctx?.sourceElement?.closest?.("form");
  // A form sends itself, a search asks, and a button of its own shows what is not sent yet.
  const isSent = (event) => event.detail.ctx.sourceElement.matches?.("form:not([role=search])");
  // What is typed behind a form that is on its way would be lost with the answer.
  const freeze = (form, on) => { for (const field of form.elements) field.readOnly = on; };

  const say = (text, failed) => {
    const notice = document.getElementById("notice");
    if (!notice) return;
    notice.textContent = text;
    notice.classList.toggle("failed", failed);
  };

  // A form with unsent text is left alone by answers to other forms, and so is one in flight: morphSkip in htmx-config.
  document.addEventListener("input", ({ target }) => target.form?.setAttribute("data-dirty", ""));

  // A switch or a heart flips at once. The server's page has the last word; if none comes, it flips back.
  const flip = (form) => {
    const button = form.querySelector("[aria-pressed], [aria-checked]");
    const name = button.hasAttribute("aria-pressed") ? "aria-pressed" : "aria-checked";
    const on = button.getAttribute(name) !== "true";
    button.setAttribute(name, String(on));
    const count = button.querySelector("[data-count]");
    if (count) count.textContent = Number(count.textContent) + (on ? 1 : -1);
  };

  // Each field shows what the page brings. One that does already is left alone: caret and undo are the writer's.
  document.addEventListener("htmx:after:swap", () => {
    for (const field of document.querySelectorAll("form:not([data-dirty], [aria-busy]) :is(input, textarea, option)")) {
      if (field.defaultValue !== undefined && field.value !== field.defaultValue) field.value = field.defaultValue;
      if ("checked" in field) field.checked = field.defaultChecked;
      if (field.defaultSelected) field.selected = true;
    }
  });

  // Or pasted text is cut.
  document.addEventListener("focusin", ({ target }) => target.removeAttribute("maxlength"));

  document.addEventListener("htmx:before:request", (event) => {
    const form = formOf(event);
    if (!form) return;
    say("", false); // what is said again is read out again
    form.setAttribute("aria-busy", "true");
    if (form.matches("[data-optimistic]")) flip(form);
    if (isSent(event)) freeze(form, true);
    event.detail.ctx.slow = setTimeout(say, 1000, "Waiting for the server …", false);
  });

  let lost = false;
  document.addEventListener("htmx:finally:request", (event) => {
    const form = formOf(event);
    clearTimeout(event.detail.ctx.slow);
    form?.removeAttribute("aria-busy");
    if (form) return freeze(form, false);
    const failed = event.detail.ctx.status.startsWith("error");
    if (failed !== lost) say(failed ? "Not connected; this page may be old." : "", lost = failed);
  });

  document.addEventListener("htmx:before:swap", (event) => {
    const ctx = event.detail.ctx, form = formOf(event);
    // Only what arrives now may take the focus, not the summary of a form that was refused earlier.
    for (const old of document.querySelectorAll("[autofocus]")) old.removeAttribute("autofocus");
    if (!form || !ctx.response) return;
    if (ctx.swap === "none") return refused(form, ctx.text);
    form.removeAttribute("aria-busy");
    // More may have been typed into a search or beside a preview meanwhile: the answer leaves the form alone.
    if (isSent(event) || ctx.response.status >= 400) {
      form.removeAttribute("data-dirty");
      if (ctx.response.status < 400) form.dispatchEvent(new Event("server-actions:done", { bubbles: true }));
    }
    for (const secret of form.querySelectorAll("[type=password]")) secret.value = "";
  });

  document.addEventListener("htmx:error", (event) => {
    const form = formOf(event);
    if (form) refused(form, "", "The server cannot be reached. Nothing was saved; what you typed is still here.");
  });

  // 413, 5xx and no answer at all: the page stays, and so does what was typed.
  function refused(form, html, text) {
    if (form.matches("[data-optimistic]")) flip(form);
    const page = new DOMParser().parseFromString(html, "text/html");
    const said = page.querySelector("#refusal h1") ?? page.getElementById("notice");
    say(text ?? (said?.textContent.trim() || "That did not work. Nothing was saved; what you typed is still here."), true);
  }
})();
