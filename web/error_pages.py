"""Refusals as pages that a person can read. They know nobody, show no code, and give back what was typed."""

import logging

from flask import Response, g, make_response, render_template

log = logging.getLogger(__name__)
SENTENCES = {
    400: ("That request made no sense", "Something on the way changed it. Please go back and try again."),
    403: (
        "This is not yours to do",
        "The account you are signed in with may not do this. Nothing was changed. Ask an editor to do it.",
    ),
    404: (
        "There is nothing here",
        "It was never here, it is gone, or it is not yours. From outside these look the same.",
    ),
    405: ("Not this way", "This address takes another kind of request; a form on one of our pages uses it properly."),
    409: (
        "Someone was faster",
        "What you were changing has changed meanwhile. Nothing was saved. Go back and look at it again.",
    ),
    413: ("That is too much at once", "We take up to one megabyte. Go back: what you typed is still in the form."),
    415: ("That is not a form", "This address takes plain forms only."),
    429: ("That was tried too often", "Please wait a moment, then try again."),
    500: (
        "That went wrong, and it is our fault",
        "Nothing was saved. It has been written down, and someone will look. Please try again later.",
    ),
    503: ("The house is busy", "Nothing was saved. Please try again in a moment."),
}
FOREIGN = (
    "This form came from somewhere else",
    "We only take forms that our own pages have sent. Nothing was changed.",
)
NOT_TYPED = {"version", "key", "next"}


def refuse(status: int, description: str = "") -> Response:
    """Return the page that says no, in words of ours."""
    foreign = description == "foreign origin"
    response = _page(status, *(FOREIGN if foreign else SENTENCES.get(status, SENTENCES[400])))
    if foreign:
        response.headers["Vary"] = "Sec-Fetch-Site, Origin"
    return response


def explain(mistake: Exception) -> Response:
    """Return a page that says what an author has to mend; for development only."""
    log.error("%s: %s", type(mistake).__name__, mistake, exc_info=mistake)
    return _page(500, f"{type(mistake).__name__}: {mistake}", "Nothing was saved. The trace is in the terminal.")


def _page(status: int, title: str, text: str) -> Response:
    """Return the refusal page, with what was typed, if a form was refused."""
    texts = {name: "\n".join(values) for name, values in g.get("submitted", {}).items()}
    typed = {name: text for name, text in texts.items() if text and not name.endswith("_id") and name not in NOT_TYPED}
    response = make_response(
        render_template("errors/page.html", status=status, title=title, text=text, typed=typed), status
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response
