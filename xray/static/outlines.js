// What is pointed at, in the strip or in the X-ray's own window, is outlined on the page. After panel.js.
(() => {
  "use strict";
  const home = document.querySelector(".xray"), frames = document.createElement("div");
  frames.className = "xray-frames";
  home.append(frames);

  let outlined = "";
  const frame = (at) => {
    const box = document.createElement("div"), { top, left, width, height } = at.getBoundingClientRect();
    box.className = "xray-frame";
    Object.assign(box.style, { top: `${top + scrollY}px`, left: `${left + scrollX}px`, width: `${width}px`, height: `${height}px` });
    return box;
  };
  const outline = (parts) => {
    outlined = parts || "";
    const found = outlined ? [...document.querySelectorAll(outlined)] : [];
    frames.replaceChildren(...found.filter((at) => at.checkVisibility() && at.offsetWidth && at.offsetHeight).map(frame));
  };

  for (const [name, over] of [["mouseover", true], ["focusin", true], ["mouseout", false], ["focusout", false]]) {
    home.addEventListener(name, ({ target }) => outline(over && target.closest("[data-outlines]")?.dataset.outlines));
  }
  new BroadcastChannel("xray").addEventListener("message", ({ data }) => outline(data));
  new ResizeObserver(() => outline(outlined)).observe(document.body);
})();
