// The panel that is open is part of the address: a reload, and whoever is sent the link, finds it open.
document.addEventListener("toggle", ({ target }) => {
  if (!target.matches("details[id]")) return;
  const url = new URL(location);
  if (target.open) url.searchParams.set("open", target.id);
  else if (url.searchParams.get("open") === target.id) url.searchParams.delete("open");
  if (url.href !== location.href) history.replaceState(history.state, "", url);
}, true);
