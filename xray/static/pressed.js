// Which button was pressed, in the words that stand on it: for the X-ray's sentences, and for nothing else.
(() => {
  "use strict";
  const wordsOn = (button) => {
    const copy = button.cloneNode(true);
    for (const part of copy.querySelectorAll("small, [data-count], .visually-hidden")) part.remove();
    return (copy.textContent.trim() || button.getAttribute("aria-label") || "").replace(/\s+/g, " ");
  };

  document.addEventListener("htmx:config:request", ({ detail: { ctx: { request, sourceElement } } }) => {
    const button = request.submitter ?? sourceElement.closest("button");
    if (button && request.action.includes("/_actions/")) request.headers["X-Pressed"] = encodeURIComponent([...wordsOn(button)].slice(0, 80).join(""));
  });
})();
