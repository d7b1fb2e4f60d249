// A colleague's badge: how many drafts there are. It is asked for again after each publication.
(() => {
  let drafts = "";
  const draw = () => document.getElementById("client-drafts")?.replaceChildren(String(drafts));
  const refetch = async () => {
    drafts = (await client.ask("drafts")).drafts;
    draw();
  };
  client.afterPublish.push(refetch);
  document.addEventListener("client:drawn", draw);
  document.addEventListener("client:started", refetch);
})();
