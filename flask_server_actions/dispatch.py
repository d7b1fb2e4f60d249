"""Running an action: one address, one order, the same for every action."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any, cast
from urllib.parse import quote

from flask import abort, g, redirect, request
from werkzeug import Response

from flask_server_actions.csrf import require_same_origin
from flask_server_actions.declare import Action, mistake
from flask_server_actions.idempotency import recall, remember
from flask_server_actions.page import flash_result, inside, local_page, page_of, render
from flask_server_actions.result import Result
from flask_server_actions.sentences import sentence, state
from flask_server_actions.signals import authorised, parsed, ran, refused
from flask_server_actions.submission import Submission


def run(name: str) -> Response:
    """Answer `POST /_actions/<name>`. Reachable by anyone who can send a request."""
    require_same_origin()  # 403
    action: Action = state.actions.get(name) or abort(404)
    if request.method != "POST":  # a reload leads back to the page its form was on
        page = local_page(request.args.get("_page"), "") or abort(405, valid_methods=["POST"])
        return redirect(request.script_root + page, 303)
    submission = Submission.read(action)  # 413, 415, 422
    response = _answer(perform(submission), submission)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def perform(submission: Submission) -> Result:
    """Parse, limit, authorise, act. Return what came of it; where that was raised, nothing is written."""
    g.submitted, g.form_key = submission.texts(), submission.key
    action, prepared = submission.action, []
    try:
        form = action.schema.parse(submission.values)  # 422
        parsed.send(action, form=form)
        if action.rate_limit:
            state.rate_limiter(action, form)  # 429
        if action.prepare:
            prepared = [action.prepare(form, _authorised(submission))]  # 401, 403
        return cast(Result, state.retried(_act)(submission, form, *prepared))
    except state.busy as error:
        return Result(sentence("busy"), 503, headers={"Retry-After": str(getattr(error, "retry_after", 2))})
    except Result as refusal:
        refused.send(action, result=refusal)
        return refusal


def _act(submission: Submission, form: Any, *prepared: Any) -> Result:
    with state.transaction(submission.action.name) if submission.action.writes else nullcontext() as session:
        user = _authorised(submission)  # as the transaction itself has read them
        submission = submission.bound_to(state.caller(user))
        recall(session, submission)  # 409, or the first answer again
        result = submission.action.function(form, user, *prepared)
        ran.send(submission.action, result=result)
        if not isinstance(result, Result):
            raise mistake(submission.action.function, f"returned {result!r}", "return success(…)")
        # An answer that sets a cookie cannot be given twice: the second browser would be told "done" without it. Nor
        # can one with the form in it, for what was typed is not kept: such an action is harmless when repeated.
        if result.ok and not (result.cookies or result.keep_form):
            remember(session, submission, result)
    return result


def _authorised(submission: Submission) -> Any:
    user = state.load_user()
    allowed = submission.action.allow(user)
    authorised.send(submission.action, user=user, allowed=allowed)
    if allowed:
        return user
    raise _sign_in(submission) if user is None else abort(403)


def _sign_in(submission: Submission) -> Result:
    """401 with the sign-in page, which carries what was typed through to the page it belongs to."""
    sign_in = state.sign_in or abort(401)
    path, resume = f"{sign_in}?next={quote(page_of(submission.page))}", (submission.action.name, submission.texts())
    headers = {"WWW-Authenticate": 'Form realm="sign-in"'}  # RFC 9110, section 15.5.2, wants one
    return Result(sentence("sign_in"), 401, location=path, headers=headers, resume=resume)


def _answer(result: Result, submission: Submission) -> Response:
    page = inside(result.location) or page_of(submission.page)
    htmx, is_local = request.headers.get("HX-Request") == "true", page.startswith("/")
    if is_local and (htmx or not result.ok or submission.resume or result.reveal_once):
        response = _rendered(page, result, submission)
    elif htmx:
        response = Response("", 200, {"HX-Redirect": page})
    else:
        flash_result(result)
        response = redirect(request.script_root + page if is_local else page, 303)
    for name, (value, options) in result.cookies.items() if result.ok else ():
        response.set_cookie(name, value, **options)
    return response


def _rendered(page: str, result: Result, submission: Submission) -> Response:
    response = render(page, _with_its_form(result, submission))
    if response.status_code == 303 and not (result.ok or result.resume):  # the page itself asks for a sign-in first
        return _answer(_sign_in(submission), submission)
    response.status_code = result.status if response.status_code == 200 else response.status_code
    if result.location:
        response.headers["HX-Push-Url"] = request.script_root + page
    response.headers.update(result.headers)
    return response


def _with_its_form(result: Result, submission: Submission) -> Result:
    """Return the result with the form that the page is to show filled in: this one, or the one that has waited."""
    waiting = submission.resume
    if result.keep_form or not (result.ok or result.resume):
        return replace(result, action=submission.action.name, fields=submission.texts() | result.fields, resume=waiting)
    return replace(result, action=waiting[0], fields=waiting[1]) if waiting else result
