"""Refusals as pages that a person can read. They show no code, and give back what was typed.

They know nobody, for a refusal must not fail; but who may not do something is somebody, and is told so.
"""

from flask import Response, current_app, g, make_response, render_template, request

from web.problems import TEXTS

NOT_TYPED = {"version", "key", "next"}


def refuse(status: int, description: str = "") -> Response:
    """Return the page that says no, in words of ours."""
    foreign = description == "foreign origin"
    kind = "foreign" if foreign else "unseen" if status == 403 and request.method == "GET" else str(status)
    title, text = TEXTS["pages"].get(kind, TEXTS["pages"]["400"])
    # Who may see a page, its policy has said.
    response = _page(status, title, text.format(policy=description), known=status == 403 and not foreign)
    response.headers.update({"Vary": "Sec-Fetch-Site, Origin"} if foreign else {})
    return response


def explain(mistake: Exception) -> Response:
    """Return a page that says what an author has to mend; for development only."""
    current_app.logger.error("%s: %s", type(mistake).__name__, mistake, exc_info=mistake)
    return _page(500, f"{type(mistake).__name__}: {mistake}", "Nothing was saved. The trace is in the terminal.")


def _page(status: int, title: str, text: str, *, known: bool = False) -> Response:
    """Return the refusal page, with what was typed, if a form was refused; in its header the person, if `known`."""
    texts = {name: "\n".join(values) for name, values in g.get("submitted", {}).items()}
    typed = {name: text for name, text in texts.items() if text and not name.endswith("_id") and name not in NOT_TYPED}
    page = render_template("errors/page.html", status=status, title=title, text=text, typed=typed, known=known)
    return make_response(page, status, {"Cache-Control": "private, no-store"})
