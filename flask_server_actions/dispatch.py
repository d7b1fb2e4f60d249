"""The hallway itself: one address, one order, the same for every action."""

from dataclasses import replace
from typing import Any

from flask import Response, abort, current_app, g, make_response, request
from flask import redirect as see_other

from flask_revalidation import Busy, write
from flask_server_actions.csrf import require_our_pages
from flask_server_actions.declare import Action
from flask_server_actions.form import Held, Sent
from flask_server_actions.idempotency import recall, remember
from flask_server_actions.page import PageState, carry, render, sent_from
from flask_server_actions.result import Refused, Success, outgoing_cookies, send_cookies


class SignInNeeded(Exception):
    """The policy said no, and nobody is signed in: the remedy is to sign in."""


def run(name: str) -> Response:
    """Answer `POST /_actions/<name>`. Reachable by anyone who can send a request: article S2."""
    require_our_pages()  # 403
    action: Action = current_app.extensions["server_actions"].actions.get(name) or abort(404)
    sent = Sent.read()  # 413, 415
    try:
        answer = perform(action, sent)
    except SignInNeeded:
        return _sign_in_page(action, sent)
    except Busy as busy:
        answer = Refused(503, str(busy), retry_after=busy.retry_after)
    except Refused as refusal:
        answer = refusal
    return _accept(answer, action, sent) if isinstance(answer, Success) else _refuse(answer, action, sent)


def perform(action: Action, sent: Sent) -> Success | Refused:
    """Parse, authorise, act: the policy and the function see what the write transaction itself has read."""
    g.kept_fields = _kept(action, sent)  # for a page that refuses: what was typed is shown there
    g.form_key = sent.key
    if sent.error:
        raise Refused(422, sent.error)
    form = action.schema.parse(sent.fields)  # 422
    prepared = [action.prepare(form)] if action.prepare else []
    if not action.writes:
        return action.function(form, _allowed_user(action), *prepared)
    with write(by=action.name) as session:
        user = _allowed_user(action)
        if first := recall(session, action.name, sent.key, sent.fields):
            return first
        answer = action.function(form, user, *prepared)
        # An answer that sets a cookie cannot be given twice: the second browser would be told "done" without it.
        if isinstance(answer, Success) and not outgoing_cookies():
            remember(session, action.name, sent.key, sent.fields, answer)
    return answer


def _allowed_user(action: Action) -> Any:
    user = current_app.extensions["server_actions"].load_user()
    if not action.allow(user):
        if user is None:
            raise SignInNeeded
        abort(403)
    return user


def _accept(answer: Success, action: Action, sent: Sent) -> Response:
    page = answer.location or sent_from(sent.page)
    htmx = request.headers.get("HX-Request") == "true"
    if not page.startswith("/"):
        response = make_response("", 200, {"HX-Redirect": page}) if htmx else make_response(see_other(page, 303))
    elif htmx or sent.held or answer.shown:
        response = render(page, _state_after(answer, action, sent))
        if answer.location:
            response.headers["HX-Push-Url"] = page
    else:
        carry(answer)
        response = make_response(see_other(page, 303))
    send_cookies(response)
    return _for_one_caller(response)


def _state_after(answer: Success, action: Action, sent: Sent) -> PageState:
    state = PageState(answer.message, undo=answer.undo, focus=answer.focus, shown=answer.shown)
    if answer.keeps:
        return replace(state, action=action.name, fields=_kept(action, sent))
    return replace(state, action=sent.held.action, fields=sent.held.fields) if sent.held else state


def _refuse(refusal: Refused, action: Action, sent: Sent) -> Response:
    outgoing_cookies().clear()  # they belong to an effect that did not happen
    state = PageState(
        message=refusal.message,
        failed=True,
        action=action.name,
        fields=_kept(action, sent),
        errors=refusal.errors,
        theirs=refusal.theirs,
        held=sent.held,
    )
    response = render(sent_from(sent.page), state)
    if response.status_code == 303:  # the page itself asks for a sign-in first
        return _sign_in_page(action, sent)
    if response.status_code == 200:
        response.status_code = refusal.status
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    return _for_one_caller(response)


def _sign_in_page(action: Action, sent: Sent) -> Response:
    """401 with the sign-in page, which carries what was typed through to the page it belongs to."""
    page = sent_from(sent.page)
    path = current_app.extensions["server_actions"].sign_in_page(page)
    held = Held(action.name, _kept(action, sent))
    response = render(path, PageState("Please sign in to go on; what you wrote is kept.", True, held=held))
    response.status_code = 401
    response.headers["WWW-Authenticate"] = 'Form realm="sign-in"'  # RFC 9110, section 15.5.2, wants one with each 401
    response.headers["HX-Push-Url"] = path
    return _for_one_caller(response)


def _kept(action: Action, sent: Sent) -> dict[str, str]:
    return {name: value for name, value in sent.fields.items() if name not in action.schema.secrets()}


def _for_one_caller(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response
