// A colleague's badge: how many drafts there are. It works in every test that asks once.
(() => {
  let drafts = "";
  const draw = () => document.getElementById("client-drafts")?.replaceChildren(String(drafts));
  const refetch = async () => {
    drafts = (await client.ask("drafts")).drafts;
    draw();
  };
  document.addEventListener("client:drawn", draw);
  document.addEventListener("client:started", refetch);
})();
