"""Plugging server actions into a Flask application."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import InitVar, dataclass, field, replace
from functools import partial
from types import ModuleType
from typing import Any

from flask import Blueprint, Flask, current_app, request
from sqlalchemy import MetaData, Table, event
from sqlalchemy.orm import Session

from flask_server_actions.declare import Action, BadDeclaration, collect, mistake
from flask_server_actions.dispatch import perform, run
from flask_server_actions.idempotency import key_table
from flask_server_actions.page import last_result
from flask_server_actions.result import Result
from flask_server_actions.submission import Submission
from flask_server_actions.template import BoundForm, own_forms

HTMX = {"hx-target": "body", "hx-swap": "innerMorph", "hx-sync": "drop"}


@dataclass
class ServerActions:
    """Server actions of an application: `ServerActions(app, db, modules=[…])`, or without an app, and `init_app` later.

    `modules` are searched for actions, which are served at `POST /_actions/<module>.<name>`; single actions may stand
    among them. `load_user` reads the caller; it runs inside each action's transaction. `caller(user)` names
    who sends a form, by default an account by its id: one-time keys are bound to it. `origins` are this site's, as
    `scheme://host[:port]`; by default the one that the request names, which is right where TRUSTED_HOSTS is set.
    `sign_in` is the path of the sign-in page. `pages` names the blueprints whose GET routes are pages; by default all.
    `rate_limiter(action, form)` raises `too_many(…)`. `sentences` replaces what people are told, `htmx` the attributes
    of each form ({}: none). `transaction(by)` is a context manager that yields a session and commits it, `metadata`
    gets the table of one-time keys, `end_reading` gives back the connection that the request has read with, `is_shared`
    says whether a copy for everyone is being made, `retried` runs a write again that met another one: these five come
    from `db`, a Flask-SQLAlchemy handle, and from Flask-Revalidation where that is plugged in before.
    """

    app: InitVar[Flask | None] = None
    db: Any = None
    modules: Iterable[ModuleType | Action] = ()
    load_user: Callable[[], Any] = lambda: None
    caller: Callable[[Any], str] = lambda user: str(getattr(user, "id", ""))
    origins: Callable[[], frozenset[str]] = lambda: frozenset({request.host_url.rstrip("/")})
    sign_in: str = ""
    pages: Collection[str] = ()
    rate_limiter: Callable[[Action, Any], None] | None = None
    sentences: Mapping[str, str] = field(default_factory=dict)
    htmx: Mapping[str, str] = field(default_factory=lambda: HTMX)
    transaction: Callable[[str], AbstractContextManager[Session]] | None = None
    metadata: MetaData | None = None
    end_reading: Callable[[], None] = lambda: None
    is_shared: Callable[[], bool] = lambda: False
    personal_environ: Mapping[str, Any] = field(default_factory=dict)
    busy: tuple[type[Exception], ...] = ()
    retried: Callable[[Callable[..., Result]], Callable[..., Result]] = lambda write: write
    actions: dict[str, Action] = field(init=False, default_factory=dict)
    form_keys: Table = field(init=False)

    def __post_init__(self, app: Flask | None) -> None:
        if app is not None:
            self.init_app(app, self.db)

    def init_app(self, app: Flask, db: Any = None) -> None:
        """Serve the actions on `app`, at `app.extensions["server_actions"]`. Raises BadDeclaration."""
        mine = replace(self, db=db or self.db)
        mine.actions = collect(self.modules)
        mine._complete(app)
        app.extensions["server_actions"] = mine
        own = Blueprint("server_actions", __name__, "static", template_folder="templates", url_prefix="/_actions")
        own.add_url_rule("/<name>", "run", run, methods=["GET", "POST"], provide_automatic_options=False)
        app.register_blueprint(own)
        app.jinja_env.globals.update(action=BoundForm, last_result=last_result, own_forms=own_forms)

    def _complete(self, app: Flask) -> None:
        """Take what was not given from `db` and from Flask-Revalidation, and refuse to start without the rest."""
        if self.db is not None:
            self.metadata = self.metadata or self.db.metadata
            self.transaction = self.transaction or partial(session_transaction, self.db.session)
            self.end_reading = self.db.session.rollback
        if revalidation := app.extensions.get("revalidation"):
            vars(self).update(revalidation.server_actions)
        if not app.secret_key:
            raise BadDeclaration("SECRET_KEY is missing; it signs messages. Write app.config['SECRET_KEY'] = … first.")
        if self.transaction is None or self.metadata is None:
            raise BadDeclaration("No transaction. Write ServerActions(app, db, …), or give transaction= and metadata=.")
        for item in self.actions.values():
            if item.rate_limit and self.rate_limiter is None:
                raise mistake(item.function, "has a rate_limit", "ServerActions(app, db, rate_limiter=…)")
            if self.rate_limiter and not item.rate_limit and item.allow.__name__.startswith("anyone: "):
                raise mistake(item.function, "is open to anyone, without a limit", "rate_limit=[…] beside allow=")
        self.form_keys = key_table(self.metadata)

    @staticmethod
    def call(name: str, fields: Mapping[str, Any] | None = None) -> Result:
        """Run an action without a request's form and without rendering a page, as a test does, and return its result.

        Everything else is as from a browser: schema, rate limit, policy, transaction. It needs a request context, for
        the caller is read from it. Raises KeyError for an unknown name.
        """
        given = {key: value if isinstance(value, list) else [value] for key, value in (fields or {}).items()}
        return perform(Submission(current_app.extensions["server_actions"].actions[name], given))


@contextmanager
def session_transaction(session: Any, by: str) -> Iterator[Session]:
    """Write with a scoped session: a new transaction, committed at the end, rolled back by any exception."""

    def refuse(_session: Session) -> None:
        raise RuntimeError(f"{by} calls commit(). Take it out: the transaction is committed when the action ends.")

    session.rollback()
    with session.begin() as transaction:
        event.listen(session(), "before_commit", refuse)
        try:
            yield session()
        finally:
            event.remove(session(), "before_commit", refuse)
        transaction.commit()  # raises where a failed flush, whose error was swallowed, has ended it
