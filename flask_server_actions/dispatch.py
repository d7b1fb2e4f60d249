"""Running an action: one address, one order, the same for every action."""

from dataclasses import replace
from typing import Any

from flask import Response, abort, g, make_response, request
from flask import redirect as see_other

from flask_server_actions.csrf import require_same_origin
from flask_server_actions.declare import Action
from flask_server_actions.idempotency import recall, remember
from flask_server_actions.page import flash_result, local_page, outside, page_of, render, send_cookies
from flask_server_actions.result import Result
from flask_server_actions.sentences import sentence, state
from flask_server_actions.submission import Submission


def run(name: str) -> Response:
    """Answer `POST /_actions/<name>`. Reachable by anyone who can send a request."""
    require_same_origin()  # 403
    action: Action = state.actions.get(name) or abort(404)
    if request.method != "POST":
        return _back_to_the_page()
    submission = Submission.read(action.schema)  # 413, 415
    try:
        result = perform(action, submission)
    except state.busy as error:
        result = Result(sentence("busy"), 503, retry_after=getattr(error, "retry_after", 2))
    except Result as refusal:
        result = refusal
    response = _answer(result, action, submission)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def perform(action: Action, submission: Submission) -> Result:
    """Parse, limit, authorise, act. Policy and function see what the write transaction itself has read.

    Raises Result, or what the function raises; then nothing is written.
    """
    g.submitted, g.form_key = submission.texts(action.schema), submission.key
    if submission.error:
        raise Result(submission.error, 422)
    form = action.schema.parse(submission.values)  # 422
    if action.rate_limit is not None:
        state.rate_limiter(action, form)  # 429
    prepared: list[Any] = []
    if action.prepare or not action.writes:
        user = _authorised(action, submission)  # 401, 403
        prepared = [action.prepare(form, user)] if action.prepare else []
        state.end_reading()
    if not action.writes:
        return _checked(action, action.function(form, user, *prepared))
    with state.transaction(action.name) as session:
        user = _authorised(action, submission)
        if first := recall(session, action.name, submission):
            return first
        result = _checked(action, action.function(form, user, *prepared))
        # An answer that sets a cookie cannot be given twice: the second browser would be told "done" without it.
        if result.ok and not result.cookies:
            remember(session, action.name, submission, result)
    return result


def _authorised(action: Action, submission: Submission) -> Any:
    user = state.load_user()
    if not action.allow(user):
        if user is None:
            raise _sign_in(action, submission)
        abort(403)
    return user


def _checked(action: Action, result: Any) -> Result:
    if not isinstance(result, Result):
        found = "nothing" if result is None else f"a {type(result).__name__}"
        raise TypeError(f"{action.place}: action {action.name} returned {found}. Write return success(…).")
    return result


def _back_to_the_page() -> Response:
    """Lead a reload of an action's address back to the page its form was on; 405 where none is named."""
    page = local_page(request.args.get("_page"), "") or abort(405, valid_methods=["POST"])
    return make_response(see_other(outside(page), 303))


def _sign_in(action: Action, submission: Submission) -> Result:
    """401 with the sign-in page, which carries what was typed through to the page it belongs to."""
    path = state.sign_in_page(page_of(submission.page)) or abort(401)
    return Result(sentence("sign_in"), 401, location=path, resume=(action.name, submission.texts(action.schema)))


def _answer(result: Result, action: Action, submission: Submission) -> Response:
    if not result.ok:
        result.cookies.clear()  # they belong to an effect that did not happen
    page = result.location or page_of(submission.page)
    htmx = request.headers.get("HX-Request") == "true"
    if not page.startswith("/"):
        response = make_response("", 200, {"HX-Redirect": page}) if htmx else make_response(see_other(page, 303))
    elif result.ok and not (htmx or submission.resume or result.reveal_once):
        flash_result(result)
        response = make_response(see_other(outside(page), 303))
    else:
        response = _rendered(page, result, action, submission)
    send_cookies(response, result)
    return response


def _rendered(page: str, result: Result, action: Action, submission: Submission) -> Response:
    response = render(page, _about_its_form(result, action, submission))
    if response.status_code == 303 and not result.ok:  # the page itself asks for a sign-in first
        asked = _sign_in(action, submission)
        return _rendered(asked.location, asked, action, submission)
    response.status_code = result.status if response.status_code == 200 else response.status_code
    if result.location:
        response.headers["HX-Push-Url"] = outside(page)
    if result.retry_after is not None:
        response.headers["Retry-After"] = str(result.retry_after)
    if result.status == 401:
        response.headers["WWW-Authenticate"] = 'Form realm="sign-in"'  # RFC 9110, section 15.5.2, wants one
    return response


def _about_its_form(result: Result, action: Action, submission: Submission) -> Result:
    """Return the result with the form that the page is to show filled in: this one, or the one that has waited."""
    waiting = submission.resume
    if result.keep_form or not (result.ok or result.resume):
        return replace(result, action=action.name, fields=submission.texts(action.schema), resume=waiting)
    return replace(result, action=waiting[0], fields=waiting[1]) if waiting else result
