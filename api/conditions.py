"""Conditional requests: nobody writes over what they have not seen (RFC 9110, section 13)."""

from flask import Response, request

from flask_revalidation import conditional_status
from web.problems import Problem


def check_conditions(etag: str) -> None:
    """Evaluate the preconditions of a write in the order of RFC 9110, section 13.2.2. Raises Problem (412)."""
    given = request.if_match  # weak tags never match here
    if "If-Match" in request.headers and not (given.star_tag or any(map(given.is_strong, _forms(etag)))):
        raise Problem("changed", "The post is not what it was when you read it.", headers={"ETag": f'"{etag}"'})
    if any(map(request.if_none_match.contains_weak, _forms(etag))):
        raise Problem("changed", "The post is what If-None-Match rules out.", headers={"ETag": f'"{etag}"'})


def _forms(etag: str) -> tuple[str, ...]:
    # A compressed answer carries the tag of its own bytes; it is the same state.
    return etag, f"{etag}-gzip", f"{etag}-br"


def make_conditional(response: Response) -> None:
    """Give a 200 made for one key its ETag; it becomes a 304 where the client has it already, or a 412."""
    if not response.is_streamed:
        response.add_etag()
        response.status_code = conditional_status(response)
