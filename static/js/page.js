// What script adds to a page by itself; each works without, in its own way. It runs in the head, before anything is drawn.
(() => {
  "use strict";

  const on = (name, act, early) => document.addEventListener(name, act, early);

  // Light or dark: as the system says, until the reader says otherwise. The switch shows itself only once this has run
  // (css/parts.css), for without script it could do nothing.
  const root = document.documentElement;
  const show = (theme) => {
    root.dataset.theme = ["light", "dark"].includes(theme) ? theme : "system";
    const choice = document.querySelector(`[name=theme][value=${root.dataset.theme}]`);
    if (choice) choice.checked = true;
  };

  let kept;
  try {
    kept = localStorage.getItem("theme");
  } catch { /* storage is blocked: the choice holds for this page */ }
  show(kept);
  addEventListener("storage", (event) => event.key === "theme" && show(event.newValue));
  on("change", ({ target }) => {
    if (target.name !== "theme") return;
    show(target.value);
    try {
      localStorage.setItem("theme", target.value);
    } catch { /* as above */ }
  });

  // Ctrl+Enter sends the form one is in.
  on("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !event.target.form) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });

  // A button copies what its `data-copy` names.
  on("click", ({ target }) => {
    const source = target.dataset?.copy && document.querySelector(target.dataset.copy);
    if (source) navigator.clipboard?.writeText(source.value.trim()).then(() => { target.textContent = "Copied"; });
  });

  // The panel that is open is part of the address: a reload, and whoever is sent the link, finds it open.
  on("toggle", ({ target }) => {
    if (!target.matches("details[id]")) return;
    const url = new URL(location);
    if (target.open) url.searchParams.set("open", target.id);
    else if (url.searchParams.get("open") === target.id) url.searchParams.delete("open");
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }, true);

  // The server tells times in UTC and takes those of any zone; with script, both are the reader's own, with its name.
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const tell = () => {
    show(root.dataset.theme);
    for (const time of document.querySelectorAll("[data-moment]")) {
      time.textContent = `${new Date(time.dateTime).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" })} (${timeZone})`;
    }
    for (const zone of document.querySelectorAll("[name=zone]")) {
      zone.value = timeZone;
      zone.form.querySelector(".hint").textContent = `Your time (${timeZone})`;
    }
  };
  on("DOMContentLoaded", tell);
  on("htmx:after:swap", tell);

  // A picture goes up while one writes on: by its button, pasted or dropped. Its Markdown stands where the caret is.
  for (const name of ["click", "paste", "dragover", "drop"]) on(name, async (event) => {
    const { form } = event.target, button = form?.querySelector("[data-add]"), data = event.clipboardData ?? event.dataTransfer;
    if (!button || (data ? !data.types.includes("Files") || data.getData("text") : event.target !== button)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (name === "dragover") return;
    const { body, alt, picture } = form.elements, told = form.querySelector("[data-markdown]");
    if (data) picture.files = data.files;
    told.textContent = "Waiting for the server …";
    const html = await fetch(button.formAction, { method: "POST", body: new FormData(form) }).then((answer) => answer.text(), () => "");
    const page = new DOMParser().parseFromString(html, "text/html"), made = page.querySelector("[data-markdown]")?.dataset.markdown;
    told.textContent = (page.querySelector(".error") ?? page.querySelector("#refusal h1, #notice"))?.textContent ?? "The server cannot be reached.";
    if (!made) return;
    body.focus();
    document.execCommand("insertText", false, made); // so that it can be undone
    if (!alt.value) body.selectionEnd = body.selectionStart -= made.length - 2;
    alt.value = picture.value = "";
  }, true);
})();
