"""The publication, put together: settings, database, freshness, then the doors in order."""

from importlib import import_module

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

import cli
from actions import ACTIONS, rate_limit
from api import BLUEPRINTS
from data_dir import make_private
from demo.keys import DEMO_CRON_SECRET
from flask_revalidation import Revalidation
from flask_server_actions import ServerActions
from models import db
from pages import PAGES, error_pages, feeds, machines, pictures
from settings import Settings
from web import assets, auth, errors, gate, health, templating
from web.fast_hits import FastHits
from web.headers import add_security_headers
from web.rate_limiter import RateLimiter
from web.strict_json import StrictJSON


def create_app(given: Settings | None = None, *, testing: bool = False) -> Flask:
    """Return the application. Raises BadSettings where environment, folder or database are not fit to start."""
    env = given or Settings.from_environment()
    cli.require_fit(env, starting=True)
    make_private(env.data_dir)
    teaching = [name for name in ("xray", "labs") if env.demo and getattr(env, name) is not False]
    release = "-".join([assets.release_name(), *(["demo"] if env.demo else []), *teaching])

    app = Flask(__name__)
    app.url_map.merge_slashes = False  # each thing has one address; no redirect is made from one that is misspelt
    _configure(app, env, testing)
    add_security_headers(app, https=env.secure)  # first to be registered is last to run: no answer is made after it
    db.init_app(app)
    Revalidation(app, db, private_cookies=auth.private_cookies(app), release=release, strict=True)
    app.extensions["rate_limiter"] = RateLimiter(env.data_dir / "rate-limits.db", env.database)
    app.json = StrictJSON(app)
    templating.register(app, release)
    assets.register(app)

    for module in [*PAGES, feeds, machines, pictures, health, *BLUEPRINTS]:
        app.register_blueprint(module.bp)
    ServerActions(
        app,
        db,
        modules=[*ACTIONS, *([import_module("actions.demo")] if env.demo else [])],
        load_user=auth.load_user,
        caller=auth.caller_name,
        sign_in="/sign-in",
        rate_limiter=rate_limit.enforce,
        origins=lambda: frozenset({env.public_url or f"http://{request.host}"}),
        pages=[page.bp.name for page in PAGES],
    )
    errors.register(app, error_pages)
    cli.register(app)

    with app.app_context():
        app.config["SESSION_COOKIE_NAME"] = gate.cookie_name(gate.FLASH)
        app.wsgi_app = app.extensions["fast_hits"] = FastHits(app, db.engine)  # type: ignore[method-assign]
    for name in teaching:
        if (assets.ROOT / name / "__init__.py").exists():  # they can be taken out
            import_module(name).init_app(app)
    if hops := env.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def _configure(app: Flask, env: Settings, testing: bool) -> None:
    app.config.update(
        {name.upper(): value for name, value in env},
        TESTING=testing,
        SITE=env.site,
        SECRET_KEY=env.signing_key(),
        SQLALCHEMY_DATABASE_URI=env.database,
        # A failing statement is logged, what it was to store is not: letters, addresses, payloads.
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": 20,  # a worker's 16 threads, the fast hits, the schedule: each may hold a connection
            "hide_parameters": True,
            "pool_pre_ping": True,
        },
        TRUSTED_HOSTS=env.hosts,
        MAX_CONTENT_LENGTH=1_000_000,  # bytes, of any request
        WEBHOOK_SECRETS=env.webhook_secrets,
        STRIPE_TEST_EVENTS=env.demo or "_test_" in env.stripe_secret_key,
        CRON_SECRET=env.cron_secret or (DEMO_CRON_SECRET if env.demo else ""),
        SEND_FILE_MAX_AGE_DEFAULT=365 * 24 * 3600,  # their addresses name the release
        SESSION_COOKIE_SECURE=env.secure,
        SESSION_COOKIE_SAMESITE="Lax",
    )
