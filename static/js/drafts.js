// Unsent text is kept in this browser, per person, page and form: for a crash, a reload, a tab closed by mistake.
(() => {
  "use strict";

  const WEEK = 7 * 864e5;
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
      const draft = JSON.parse(localStorage.getItem(name));
      return draft?.at > Date.now() - WEEK ? draft.values : null;
    } catch { return null; }
  };
  // With the version that the words began with: whoever saved meanwhile is not written over.
  const fieldsOf = (form) => [...form.elements].filter((field) => field.name === "version" || field.matches("textarea, input:not([type=hidden], [type=file])"));
  const hasDraft = (form) => form.method === "post" && form.id && !form.querySelector("[type=password]");

  // Whoever comes to this browser later finds nothing that is older than that.
  const drafts = () => {
    try { return Object.keys(localStorage).filter((name) => name.startsWith("draft ")); } catch { return []; }
  };
  for (const name of drafts()) if (!stored(name)) store(name);

  const keep = (form) => {
    if (!hasDraft(form)) return;
    const fields = fieldsOf(form), typed = form.querySelector("[aria-invalid]") || fields.some((field) => field.value !== field.defaultValue);
    store(nameOf(form), typed && { at: Date.now(), values: Object.fromEntries(fields.map((field) => [field.name, field.value])) });
    unsent[typed ? "add" : "delete"](form.id);
    addEventListener("beforeunload", warn);
  };

  const forget = (form) => {
    unsent.delete(form.id);
    store(nameOf(form));
    if (form.matches("[data-forget]")) for (const name of drafts()) store(name);
    if (!form.matches("[data-becomes]")) return;
    // Somebody else looks at this page now. What was typed waits here for who has typed it.
    unsent.clear();
    for (const other of document.forms) other.removeAttribute("data-dirty");
  };

  const warn = (event) => {
    if ([...unsent].some((id) => document.getElementById(id))) event.preventDefault();
  };

  const offer = () => {
    for (const form of document.forms) {
      const values = hasDraft(form) && !unsent.has(form.id) && stored(nameOf(form));
      const fields = values && fieldsOf(form).filter((field) => field.name in values);
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

  document.addEventListener("input", ({ target }) => target.form && keep(target.form));
  document.addEventListener("server-actions:done", ({ target }) => forget(target));
  document.addEventListener("htmx:after:swap", offer);
  addEventListener("pageshow", offer);
  document.addEventListener("click", ({ target }) => {
    const form = document.getElementById(target.dataset?.discard);
    if (!form) return;
    form.reset();
    forget(form);
  });
})();
