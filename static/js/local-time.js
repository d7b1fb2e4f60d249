// The server takes UTC; what that is for the reader stands beside it.
document.addEventListener("input", ({ target }) => {
  const told = target.form?.querySelector("[data-local-time]"), when = new Date(`${target.form?.elements.publish_at?.value}Z`);
  if (!told) return;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  told.textContent = isNaN(when) ? "" : `That is ${when.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" })} where you are (${zone}).`;
});
