"""Refusals as pages that a person can read. They know nobody, show no code, and give back what was typed."""

from flask import Response, current_app, g, make_response, render_template

from web.problems import TEXTS

NOT_TYPED = {"version", "key", "next"}


def refuse(status: int, description: str = "") -> Response:
    """Return the page that says no, in words of ours."""
    foreign = description == "foreign origin"
    texts = TEXTS["pages"]
    response = _page(status, *texts["foreign" if foreign else str(status) if str(status) in texts else "400"])
    if foreign:
        response.headers["Vary"] = "Sec-Fetch-Site, Origin"
    return response


def explain(mistake: Exception) -> Response:
    """Return a page that says what an author has to mend; for development only."""
    current_app.logger.error("%s: %s", type(mistake).__name__, mistake, exc_info=mistake)
    return _page(500, f"{type(mistake).__name__}: {mistake}", "Nothing was saved. The trace is in the terminal.")


def _page(status: int, title: str, text: str) -> Response:
    """Return the refusal page, with what was typed, if a form was refused."""
    texts = {name: "\n".join(values) for name, values in g.get("submitted", {}).items()}
    typed = {name: text for name, text in texts.items() if text and not name.endswith("_id") and name not in NOT_TYPED}
    page = render_template("errors/page.html", status=status, title=title, text=text, typed=typed)
    response = make_response(page, status)
    response.headers["Cache-Control"] = "private, no-store"
    return response
