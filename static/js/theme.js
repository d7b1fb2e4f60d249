// Light or dark: as the system says, until the reader says otherwise. It runs in the head, before anything is drawn.
// The switch shows itself only once this has run (css/parts.css), for without script it could do nothing.
(() => {
  "use strict";

  const root = document.documentElement;
  const kept = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null;  // storage is blocked: the choice holds for this page
    }
  };
  const show = (theme) => {
    root.dataset.theme = ["light", "dark"].includes(theme) ? theme : "system";
    const choice = document.querySelector(`[name=theme][value=${root.dataset.theme}]`);
    if (choice) choice.checked = true;
  };

  show(kept());
  document.addEventListener("DOMContentLoaded", () => show(root.dataset.theme));
  document.addEventListener("htmx:after:swap", () => show(root.dataset.theme));
  addEventListener("storage", (event) => event.key === "theme" && show(event.newValue));
  document.addEventListener("change", ({ target }) => {
    if (target.name !== "theme") return;
    show(target.value);
    try {
      localStorage.setItem("theme", target.value);
    } catch { /* as above */ }
  });
})();
