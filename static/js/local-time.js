// The server tells times in UTC and takes those of any zone; with script, both are the reader's own, with its name.
(() => {
  "use strict";

  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const tell = () => {
    for (const time of document.querySelectorAll("[data-moment]")) {
      time.textContent = `${new Date(time.dateTime).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" })} (${timeZone})`;
    }
    for (const zone of document.querySelectorAll("[name=zone]")) {
      zone.value = timeZone;
      zone.form.querySelector(".hint").textContent = `Your time (${timeZone})`;
    }
  };
  document.addEventListener("DOMContentLoaded", tell);
  document.addEventListener("htmx:after:swap", tell);
})();
