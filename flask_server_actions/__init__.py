"""Server actions: functions that our own pages call to change something.

An action is a function with a schema and a policy; a form names it, the server runs it, and the page it was sent from
comes back, rendered again after the commit. The order never changes: same origin (csrf), known action, size, schema,
rate limit, policy, the function in one write transaction, its answer checked, commit, answer. With htmx the fresh page
is the answer; without script it is a 303 to it. Both are one code path.

It never trusts that a form of ours is calling: the address is an endpoint like any other, and everything that arrives
is unknown data from a hostile caller. It knows Flask, SQLAlchemy and pydantic; freshness of cached pages is the part of
Flask-Revalidation, which it uses where that is plugged in.

    @action(allow=writers)
    def create_post(form: NewPost, user: User): ...

    <form {{ action("posts.create_post") }}> … </form>
"""

from flask_server_actions.declare import Action, BadDeclaration, action, anyone
from flask_server_actions.extension import ServerActions
from flask_server_actions.form import Form
from flask_server_actions.idempotency import form_key, sweep_form_keys
from flask_server_actions.page import last_result, local_page
from flask_server_actions.result import Result, conflict, invalid, redirect, success, too_many
from flask_server_actions.template import BadTemplate
from flask_server_actions.upload import Upload, UploadLimit

__all__ = ["Action", "BadDeclaration", "BadTemplate", "Form", "Result", "ServerActions", "Upload", "UploadLimit"]
__all__ += ["action", "anyone", "conflict", "form_key", "invalid", "last_result", "local_page", "redirect", "success"]
__all__ += ["sweep_form_keys", "too_many"]
