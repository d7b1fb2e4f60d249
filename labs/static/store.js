// The client of the other way: what it knows, how it asks, and what it asks again after each success.
(() => {
  "use strict";

  const state = { posts: [], published: 0, error: "" };

  const ask = async (path, options = {}) => {
    const response = await fetch(`/lab/two-ways/${path}`, options);
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) throw new Error(answer.error ?? `The server answered ${response.status}.`);
    return answer;
  };

  const refetchPosts = async () => { state.posts = (await ask("posts")).posts; };
  const refetchPublished = async () => { state.published = (await ask("published")).published; };
  const afterPublish = [refetchPosts, refetchPublished];

  const publish = async (post, published) => {
    const headers = { "Content-Type": "application/json" };
    post.published = published;
    state.error = "";
    draw();
    try {
      await ask(`posts/${post.id}/publication`, { method: "POST", headers, body: JSON.stringify({ published }) });
      await Promise.all(afterPublish.map((refetch) => refetch()));
    } catch (error) {
      post.published = !published;
      state.error = error.message;
    }
    draw();
  };

  const rowOf = (post) => {
    const row = document.createElement("li"), button = document.createElement("button");
    row.append(Object.assign(document.createElement("span"), { textContent: post.title }), button);
    button.className = "switch";
    button.textContent = post.published ? "Published" : "Publish";
    button.setAttribute("role", "switch");
    button.setAttribute("aria-checked", String(post.published));
    button.setAttribute("aria-label", `Published, the other way: ${post.title}`);
    button.addEventListener("click", () => publish(post, !post.published));
    return row;
  };

  const draw = () => {
    document.getElementById("client-posts")?.replaceChildren(...state.posts.map(rowOf));
    document.getElementById("client-published")?.replaceChildren(String(state.published));
    document.getElementById("client-error")?.replaceChildren(state.error);
    document.dispatchEvent(new Event("client:drawn"));
  };

  // The morph brings the page as the server made it, where this side is empty.
  let started = false;
  const start = async () => {
    if (started || !document.getElementById("client-posts")) return draw();
    started = true;
    await Promise.all([refetchPosts(), refetchPublished()]);
    draw();
    document.dispatchEvent(new Event("client:started"));
  };

  addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:after:swap", start);
  window.client = { ask, afterPublish };
})();
