// What was answered stands at the top of a lab's page, and the button that asked may be far below it.
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  const answered = ctx.sourceElement.closest("main form") && document.getElementById("answered");
  if (answered?.getBoundingClientRect().top < 0) answered.scrollIntoView();
});
