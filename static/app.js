// What htmx does not do by itself under a strict policy, and comfort. Every form works without this file.
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
  document.addEventListener("input", (event) => {
    const form = event.target.form;
    if (!form) return;
    form.setAttribute("data-dirty", "");
    suggest(form, event.target);
    tellLocalTime(form);
    keep(form);
  });

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
    if (isSent(event)) freeze(form, true);
    if (form) event.detail.ctx.slow = setTimeout(say, 1000, "Waiting for the server …", false);
  });

  document.addEventListener("htmx:finally:request", (event) => {
    const form = formOf(event);
    clearTimeout(event.detail.ctx.slow);
    form?.removeAttribute("aria-busy");
    if (form) freeze(form, false);
  });

  // A form sends itself, a search asks, and a preview's button shows what is not sent yet.
  const isSent = (event) => event.detail.ctx.sourceElement.matches?.("form:not([role=search])");
  // What is typed behind a form that is on its way would be lost with the answer.
  const freeze = (form, on) => { for (const field of form.elements) field.readOnly = on; };

  document.addEventListener("htmx:before:swap", (event) => {
    const ctx = event.detail.ctx, form = formOf(event);
    // Only what arrives now may take the focus, not the summary of a form that was refused earlier.
    for (const old of document.querySelectorAll("[autofocus]")) old.removeAttribute("autofocus");
    if (!form || !ctx.response) return setAside(ctx);
    if (ctx.swap === "none") return refused(form, ctx.text);
    const done = ctx.response.status < 400;
    form.removeAttribute("aria-busy");
    // More may have been typed into a search or beside a preview meanwhile: the answer leaves the form alone.
    if (isSent(event) || !done) {
      form.removeAttribute("data-dirty");
      // From here on each field shows what the page says: htmx keeps typed text otherwise, after a success too.
      if (done) forget(form);
    }
    for (const secret of form.querySelectorAll("[type=password]")) secret.value = "";
    if (ctx.turn < shown && !ctx.hx.pushurl) {
      event.preventDefault();
      return void sayLate(ctx.text);
    }
    shown = ctx.turn;
    setAside(ctx, done && form);
    // Another page begins at its beginning.
    if (ctx.hx.pushurl || ctx.text.includes('id="refusal"')) scrollTo(0, 0);
  });

  // An offer to undo stays as long as the page is open, through other answers; only what was undone goes.
  const setAside = (ctx, done) => {
    const row = (done || document.activeElement)?.closest?.(".row");
    ctx.rows = [row?.nextElementSibling, row?.previousElementSibling];
    ctx.offers = [...document.querySelectorAll("#undo form")];
    for (const offer of ctx.offers) offer.remove();
    ctx.offers = ctx.hx?.pushurl ? [] : ctx.offers.filter((offer) => offer !== done);
  };

  document.addEventListener("htmx:after:swap", (event) => {
    const { offers = [], rows = [] } = event.detail.ctx;
    for (const offer of offers) if (!document.getElementById(offer.id)) document.getElementById("undo")?.append(offer);
    offerDrafts();
    // Whoever pressed a button in a row that has gone goes on with the next one.
    const next = rows.find((row) => row?.isConnected);
    if (document.activeElement === document.body) next?.querySelector("a, button")?.focus();
  });

  // An answer that was overtaken does not draw the page, but what it says and offers is true.
  const sayLate = async (html) => {
    const page = new DOMParser().parseFromString(html, "text/html");
    await refresh();
    say(page.getElementById("notice")?.textContent ?? "", Boolean(page.querySelector("#notice.failed")));
    for (const offer of page.querySelectorAll("#undo form")) {
      document.getElementById("undo").append(offer);
      htmx.process(offer);
    }
  };

  document.addEventListener("htmx:error", (event) => {
    const form = formOf(event);
    if (form) refused(form, "", "The server cannot be reached. Nothing was saved; what you typed is still here.");
  });

  // Back may show a copy that the browser kept. It is asked for again, and morphed in.
  addEventListener("pageshow", (event) => {
    const [visit] = performance.getEntriesByType("navigation");
    offerDrafts();
    if (event.persisted || (visit.type === "back_forward" && visit.transferSize === 0)) refresh();
  });

  // Ctrl+Enter sends the form one is in.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !event.target.form) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });

  // The panel that is open is part of the address: a reload, and whoever is sent the link, finds it open.
  document.addEventListener("toggle", ({ target }) => {
    if (!target.matches("details[id]")) return;
    const url = new URL(location);
    if (target.open) url.searchParams.set("open", target.id);
    else if (url.searchParams.get("open") === target.id) url.searchParams.delete("open");
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }, true);

  // An address is suggested until someone writes one. It is not sent: the server makes it, and finds a free one.
  const suggest = (form, typed) => {
    const slug = form.matches(".new-post") && form.elements.slug;
    if (!slug) return;
    if (typed === slug) slug.toggleAttribute("data-own", slug.value !== "");
    if (typed.name !== "title" || slug.hasAttribute("data-own")) return;
    const plain = typed.value.normalize("NFKD").replace(/[^\x00-\x7f]/g, "").toLowerCase();
    slug.value = plain.replace(/[^a-z0-9]+/g, "-").slice(0, 80).replace(/^-+|-+$/g, "");
  };

  document.addEventListener("htmx:config:request", (event) => {
    const slug = formOf(event)?.elements.slug;
    if (slug?.form.matches(".new-post:has([name=slug]:not([data-own]))")) event.detail.ctx.request.body.delete("slug");
  });

  // The server takes UTC; what that is for the reader stands beside it.
  const tellLocalTime = (form) => {
    const told = form.querySelector("[data-local-time]"), when = new Date(`${form.elements.publish_at?.value}Z`);
    if (!told) return;
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    told.textContent = isNaN(when) ? "" : `That is ${when.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" })} where you are (${zone}).`;
  };

  // Unsent text is kept in this browser, per person, page and form: for a crash, a reload, a tab closed by mistake.
  const LIFE = 7 * 24 * 3600 * 1000;
  const unsent = new Set();
  const nameOf = (form) => `draft ${document.querySelector("[data-person]")?.dataset.person ?? ""} ${location.pathname} ${form.id}`;
  const store = (name, value) => {
    try {
      if (value) localStorage.setItem(name, JSON.stringify(value));
      else localStorage.removeItem(name);
    } catch { /* a full or forbidden store keeps nothing, and the form works as ever */ }
  };
  const stored = (name) => {
    try {
      const kept = JSON.parse(localStorage.getItem(name));
      return kept?.at > Date.now() - LIFE ? kept.values : null;
    } catch { return null; }
  };
  // With the version that the words began with: whoever saved meanwhile is not written over.
  const kept = (form) => [...form.elements].filter((field) => field.name === "version" || field.matches("textarea, input:not([type=hidden])"));
  const isKept = (form) => form.method === "post" && form.id && !form.querySelector("[type=password]");

  // Whoever comes to this browser later finds nothing that is older than that.
  const drafts = () => {
    try { return Object.keys(localStorage).filter((name) => name.startsWith("draft ")); } catch { return []; }
  };
  for (const name of drafts()) if (!stored(name)) store(name);

  const keep = (form) => {
    if (!isKept(form)) return;
    const fields = kept(form), typed = form.querySelector("[aria-invalid]") || fields.some((field) => field.value !== field.defaultValue);
    store(nameOf(form), typed && { at: Date.now(), values: Object.fromEntries(fields.map((field) => [field.name, field.value])) });
    unsent[typed ? "add" : "delete"](form.id);
    addEventListener("beforeunload", warn);
  };

  const forget = (form) => {
    form.reset();
    unsent.delete(form.id);
    store(nameOf(form));
    if (form.matches("[data-forget]")) for (const name of drafts()) store(name);
  };

  document.addEventListener("click", (event) => {
    const form = document.getElementById(event.target.dataset?.discard);
    if (form) forget(form);
  });

  const warn = (event) => {
    if ([...unsent].some((id) => document.getElementById(id))) event.preventDefault();
  };

  const offerDrafts = () => {
    for (const form of document.forms) {
      const values = isKept(form) && !unsent.has(form.id) && stored(nameOf(form));
      const fields = values && kept(form).filter((field) => field.name in values);
      if (!fields || form.querySelector(".draft-hint") || fields.every((field) => field.value === values[field.name])) continue;
      const hint = Object.assign(document.createElement("p"), { className: "draft-hint", textContent: "Unsent text from before is kept here. " });
      hint.setAttribute("role", "status");
      const button = (name, act) => {
        const made = Object.assign(document.createElement("button"), { type: "button", className: "link", textContent: name });
        made.addEventListener("click", () => { act(); hint.remove(); fields.find((field) => field.type !== "hidden").focus(); });
        hint.append(made, " ");
      };
      button("Restore", () => {
        for (const field of fields) field.value = values[field.name];
        form.setAttribute("data-dirty", "");
        keep(form);
      });
      button("Discard", () => store(nameOf(form)));
      form.prepend(hint);
    }
  };

  // 413, 5xx and no answer at all: the page stays, and so does what was typed.
  function refused(form, html, text) {
    if (form.matches("[data-optimistic]")) flip(form);
    const page = new DOMParser().parseFromString(html, "text/html");
    const said = page.querySelector("#refusal h1") ?? page.getElementById("notice");
    say(text ?? (said?.textContent.trim() || "That did not work. Nothing was saved; what you typed is still here."), true);
  }
})();
