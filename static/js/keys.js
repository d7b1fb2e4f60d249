// Ctrl+Enter sends the form one is in.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !event.target.form) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});
// A button copies what its `data-copy` names.
document.addEventListener("click", ({ target }) => {
  const source = target.dataset?.copy && document.querySelector(target.dataset.copy);
  if (source) navigator.clipboard?.writeText(source.value.trim()).then(() => { target.textContent = "Copied"; });
});
