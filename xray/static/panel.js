// The X-ray on the page itself: what each press has done, which function each form runs, what each part is cached under.
// It stands beside the body, so that no answer that is morphed into the body touches it, and says only what /xray says.
(() => {
  "use strict";
  const root = document.documentElement;
  const make = (tag, name, text = "") => {
    const element = document.createElement(tag);
    element.className = name;
    element.textContent = text;
    return element;
  };
  const button = (name, text, press) => {
    const made = make("button", name, text);
    made.type = "button";
    made.addEventListener("click", press);
    return made;
  };
  const parse = (html) => new DOMParser().parseFromString(html, "text/html");

  const layer = make("div", "xray-layer"), side = make("section", "xray-side"), strip = make("div", "xray-strip");
  const toggle = button("xray-toggle", "X-ray", () => pin(!pinned)), said = make("div", "xray-said"), warned = make("p", "xray-stale");
  const home = make("aside", "xray");
  home.setAttribute("aria-label", "X-ray");
  toggle.title = "Or hold the x key";
  for (const spoken of [said, warned]) spoken.setAttribute("role", "status");
  side.hidden = true;
  side.tabIndex = -1;
  side.setAttribute("aria-label", "Source");
  strip.append(warned, said, toggle);
  home.append(layer, side, strip);
  root.append(home);

  let trace = performance.getEntriesByType("navigation")[0]?.serverTiming?.find(({ name }) => name === "trace")?.description;
  let on = false, pinned = sessionStorage.getItem("xray") === "on", actions, drawn = 0, unfolded = null;

  const ask = async (path) => {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer;
  };

  const duplicates = () => {
    const ids = [...document.querySelectorAll("body [id]")].map(({ id }) => id);
    return [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))];
  };
  const lost = () => [...document.querySelectorAll("[hx-target]")].map((form) => form.getAttribute("hx-target"))
    .filter((target) => /^[#.a-z]/.test(target) && !["this", "body"].includes(target) && !document.querySelector(target));

  const say = async (id) => {
    const page = parse(await (await ask(`/xray/${id}/strip`)).text());
    for (const name of duplicates()) page.body.append(make("p", "xray-warning", `The id “${name}” stands twice on this page.`));
    for (const name of lost()) page.body.append(make("p", "xray-warning", `The target “${name}” is not on this page.`));
    if (page.body.childElementCount) page.body.prepend(button("xray-close", "Close", () => said.replaceChildren()));
    said.replaceChildren(...page.body.children);
  };

  const place = (element, at, x = "left") => {
    const box = at.getBoundingClientRect();
    element.style.top = `${box.top + scrollY}px`;
    element.style.left = `${(x === "left" ? box.left : box.right) + scrollX}px`;
    return box;
  };
  const visible = (element) => {
    const box = element.getBoundingClientRect();
    return element.checkVisibility() && box.width > 0 && box.height > 0 && box.right > 0;
  };

  // No chip covers another, or leaves the window.
  const settle = (chips) => {
    const taken = [];
    for (const one of chips) {
      let box = one.getBoundingClientRect(), up = 0;
      const left = Math.min(0, root.clientWidth - 8 - box.right);
      const over = (other) => box.left + left < other.right && other.left < box.right + left && box.top - up < other.bottom && other.top < box.bottom - up;
      while (taken.some(over) && up < 400) up += 6;
      one.style.translate = `${left}px ${-up}px`;
      taken.push(one.getBoundingClientRect());
    }
  };

  // Violet for what runs a function of ours, amber for what leads out to everyone's addresses.
  const chip = (way, text, at, query, told = "") => {
    const made = button(`xray-chip ${way}`, text, () => open(query));
    made.title = told;
    place(made, at);
    return made;
  };
  const formChips = () => {
    const rows = new Map();
    for (const sends of document.querySelectorAll('body form[action*="/_actions/"], body [formaction*="/_actions/"]')) {
      const form = sends.form ?? sends, usual = [...form.elements].find((field) => field.type === "submit" && !field.hasAttribute("formaction"));
      const at = sends.form ? sends : usual ?? form;
      const name = new URL(sends.formAction ?? form.action).pathname.split("/").pop(), known = actions[name];
      const row = form.closest(".demo") ?? form.closest("li, tr, .letter") ?? form, key = sends.form ? sends : row, others = rows.get(key) ?? [];
      if (!known || !visible(at) || others.some(({ dataset }) => dataset.action === name)) continue;
      const text = `${name} · ${known.policy.split(":")[0]}`;
      const made = chip("hallway", text, at, `action=${name}`, `${known.place}, who may: ${known.policy}`), box = at.getBoundingClientRect();
      if (row !== form) {  // above it stands the text of the row
        const fits = box.right + 7.5 * text.length + 24 < row.getBoundingClientRect().right;
        made.classList.add(fits ? "xray-beside" : "xray-below");
        made.style.top = `${(fits ? box.top + box.height / 2 : box.bottom) + scrollY}px`;
        if (fits) made.style.left = `${box.right + 8 + scrollX}px`;
      }
      made.dataset.action = name;
      rows.set(key, [...others, made]);
    }
    return [...rows].map(([row, chips]) => (chips.length > 1 ? stack(row, chips) : chips[0]));
  };
  // A row with several forms has one chip, which unfolds them when it is pressed or pointed at.
  const stack = (row, chips) => {
    const box = make("div", "xray-stack"), list = make("div", "xray-list");
    const opener = button("xray-chip hallway", `${chips.length} actions`, () => { unfolded = unfolded === row ? null : row; fold(); });
    const fold = () => { opener.setAttribute("aria-expanded", String(unfolded === row)); box.classList.toggle("open", unfolded === row); };
    opener.title = `${chips.length} actions of this row`;
    opener.setAttribute("aria-label", opener.title);
    if (place(box, row, "right").top < 16) box.classList.add("low");
    list.append(...chips);
    box.append(opener, list);
    fold();
    return box;
  };
  const linkChips = () => [...document.querySelectorAll('body a[href^="/api/"], body a[href^="/feed."]')].filter(visible)
    .map((link) => chip("door", `GET ${link.getAttribute("href")}`, link, `path=${encodeURIComponent(link.pathname)}`));
  const partBoxes = (parts) => parts.flatMap((part) => {
    const at = part.selector && document.querySelector(part.selector);
    if (!at || !visible(at)) return [];
    const box = make("div", "xray-part"), { width, height } = place(box, at);
    box.style.width = `${width}px`;
    box.style.height = `${height}px`;
    box.classList.toggle("stale", part.stale.length > 0);
    const age = part.at ? `, ${Math.max(0, Math.round(Date.now() / 1000 - part.at))} s old` : "";
    box.append(button("", part.newer || `${part.label}: ${part.tags.join(", ")}${age}`, () => open(`part=${part.name}`)));
    return [box];
  });

  const draw = async () => {
    const turn = ++drawn;
    if (!on) { layer.replaceChildren(); warned.textContent = ""; return; }
    actions ??= await (await ask("/xray/actions.json")).json();
    const { parts, stale } = trace ? await (await ask(`/xray/${trace}/parts`)).json() : { parts: [], stale: "" };
    if (turn !== drawn || !on) return;
    if (warned.textContent !== stale) warned.textContent = stale;
    const kept = [...layer.querySelectorAll("button")].indexOf(document.activeElement);
    layer.style.height = `${document.body.getBoundingClientRect().bottom + scrollY}px`;
    const chips = [...formChips(), ...linkChips()];
    layer.replaceChildren(...partBoxes(parts), ...chips);
    settle(chips);
    layer.querySelectorAll("button")[kept]?.focus();
  };
  const show = (wanted) => {
    on = wanted;
    toggle.setAttribute("aria-pressed", String(on));
    root.classList.toggle("xray-on", on);
    draw().catch(() => {});
    if (on && trace && !said.childElementCount) say(trace).catch(() => {});
  };
  const pin = (wanted) => {
    pinned = wanted;
    sessionStorage.setItem("xray", pinned ? "on" : "off");
    show(pinned);
  };

  const open = async (query) => {
    const page = parse(await (await ask(`/xray/code?${query}`)).text());
    side.replaceChildren(button("link", "Close", shut), ...(page.querySelector("#code")?.children ?? []));
    side.hidden = false;
    side.focus();
  };
  const shut = () => { side.hidden = true; toggle.focus(); };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !side.hidden) return shut();
    if (event.key !== "x" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!event.target.matches?.("input, textarea, select, [contenteditable]")) show(true);
  });
  document.addEventListener("keyup", (event) => { if (event.key === "x" && !pinned) show(false); });
  addEventListener("blur", () => { if (on && !pinned) show(false); });

  document.addEventListener("htmx:after:swap", (event) => {
    const id = event.detail.ctx?.response?.headers?.get?.("X-Trace-Id");
    if (!id) return;
    trace = id;
    // A page that tells of a request which was sent for it, such as a lab's, is about that one.
    const about = document.querySelector("#answered [data-trace]")?.dataset.trace ?? id;
    if (event.detail.ctx.sourceElement?.closest?.("form[action*='/_actions/']")) say(about).catch(() => {});
    draw().catch(() => {});
  });
  new ResizeObserver(() => { if (on) draw().catch(() => {}); }).observe(document.body);
  setInterval(() => { if (on && !document.hidden) draw().catch(() => {}); }, 3000);
  show(pinned);
})();
