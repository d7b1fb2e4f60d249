// An address is suggested until someone writes one. It is not sent: the server makes it, and finds a free one.
(() => {
  "use strict";

  document.addEventListener("input", ({ target }) => {
    const slug = target.form?.matches(".new-post") && target.form.elements.slug;
    if (!slug) return;
    if (target === slug) slug.toggleAttribute("data-own", slug.value !== "");
    if (target.name !== "title" || slug.hasAttribute("data-own")) return;
    const plain = target.value.normalize("NFKD").replace(/[^\x00-\x7f]/g, "").toLowerCase();
    slug.value = plain.replace(/[^a-z0-9]+/g, "-").slice(0, 80).replace(/^-+|-+$/g, "");
  });

  document.addEventListener("htmx:config:request", ({ detail }) => {
    const form = detail.ctx.sourceElement?.closest?.(".new-post:has([name=slug]:not([data-own]))");
    if (form) detail.ctx.request.body.delete("slug");
  });
})();
