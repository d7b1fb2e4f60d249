// Draws the counts while the server still counts. Without script the form brings the last ones.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-live]");
  if (!form) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const live = document.getElementById("live"), button = form.querySelector("button");
  const say = (text) => { live.textContent = text; };
  const draw = ({ strategy, ...counts }) => {
    for (const [name, value] of Object.entries(counts)) {
      const cell = document.querySelector(`[data-strategy="${strategy}"] [data-count="${name}"]`);
      if (cell) cell.textContent = value.toLocaleString("en");
    }
  };

  button.disabled = true;
  say("Counting …");
  try {
    const response = await fetch(form.dataset.live, { method: "POST" });
    if (!response.ok) throw new Error((await response.json()).error);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { done, value } = await reader.read();
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      lines.map((line) => draw(JSON.parse(line)));
    }
    say("Counted, on this machine, just now.");
  } catch (error) {
    say(error.message || "The server does not answer. Please try again.");
  }
  button.disabled = false;
}, true);
