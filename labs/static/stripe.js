// The browser is the sender: it has the event signed, delivers these very bytes, and sends the answers with the form.
(() => {
  "use strict";

  const deliver = async ({ path, headers, body }) => {
    const began = performance.now();
    const answer = await fetch(path, { method: "POST", headers, body, credentials: "omit" });
    const text = await answer.text(), milliseconds = Math.round(performance.now() - began);
    return { status: answer.status, headers: Object.fromEntries(answer.headers), text: text.slice(0, 4000), milliseconds };
  };

  const reportOf = async (form) => {
    const answer = await fetch("/lab/stripe/signed", { method: "POST", body: new URLSearchParams(form) });
    if (!answer.ok) return "";  // the form's own answer says why
    const { at, before, calls } = await answer.json(), answers = [];
    for (const call of calls) answers.push(await deliver(call));
    return JSON.stringify({ at, before, answers });
  };

  let report = null, busy = false;
  document.addEventListener("htmx:config:request", async (event) => {
    const { request, sourceElement: form } = event.detail.ctx;
    if (!form.matches("[data-delivers]")) return;
    if (report !== null) {
      if (report) request.body.set("report", report);
      report = null;
      return;
    }
    event.preventDefault();
    if (busy) return;
    busy = true;
    report = await reportOf(request.body).catch(() => "");
    busy = false;
    form.requestSubmit(request.submitter);
  });
})();
