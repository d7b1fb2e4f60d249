"""Every address and every action, and what each caller gets there. `tests/test_attack_table.py` asks all of it.

The things are Bob's, the author's: a post in each state, a comment, a key. The disabled caller was an editor, signed in
and with a key when the account was closed. `key` is a write key of the owner's where no key is looked at.
"""

import re

from keys import READ, WRITE
from scenarios import fingerprint

from api.webhooks import SENDERS
from flask_revalidation import revalidate_tag, write
from models import ApiKey, Comment, Delivery, Message, Post, Role, User, UserSession, db

PAGES = """
                                           nobody reader author other editor owner disabled key
GET /                                      200    200    200    200   200    200   200      200
GET /blog                                  200    200    200    200   200    200   200      200
GET /blog/<slug>#live                      200    200    200    200   200    200   200      200
GET /blog/<slug>#draft                     404    404    404    404   404    404   404      404
GET /blog/<slug>#deleted                   404    404    404    404   404    404   404      404
GET /contact                               200    200    200    200   200    200   200      200
GET /sign-in                               200    200    200    200   200    200   200      200
GET /support                               200    200    200    200   200    200   200      200
GET /support/checkout/<session_id>         200    200    200    200   200    200   200      200
GET /support/portal                        303    303    303    303   303    303   303      303
GET /dashboard                             303    403    200    200   200    200   303      303
GET /dashboard/developers                  303    403    200    200   200    200   303      303
GET /dashboard/inbox                       303    403    403    403   200    200   303      303
GET /dashboard/members                     303    403    403    403   200    200   303      303
GET /dashboard/posts                       303    403    200    200   200    200   303      303
GET /dashboard/posts/<post_id>/edit#draft  303    403    200    404   200    200   303      303
GET /dashboard/posts/<post_id>/edit#live   303    403    200    404   200    200   303      303
GET /dashboard/settings                    303    403    403    403   403    200   303      303
GET /_actions/<name>                       405    405    405    405   405    405   405      405
GET /_actions/static/<filename>            200    200    200    200   200    200   200      200
GET /static/<filename>                     200    200    200    200   200    200   200      200
GET /static/<name>                         200    200    200    200   200    200   200      200
GET /feed.json                             200    200    200    200   200    200   200      200
GET /feed.xml                              200    200    200    200   200    200   200      200
GET /healthz                               200    200    200    200   200    200   200      200
GET /readyz                                200    200    200    200   200    200   200      200
GET /pictures/<digest>.<file_type>         200    200    200    200   200    200   200      200
GET /robots.txt                            200    200    200    200   200    200   200      200
GET /sitemap.xml                           200    200    200    200   200    200   200      200
GET /sitemaps/<part>.xml                   200    200    200    200   200    200   200      200
GET /api/docs                              200    200    200    200   200    200   200      200
GET /api/problems/<kind>                   200    200    200    200   200    200   200      200
"""

ACTIONS = """
                            nobody reader author other editor owner disabled key
accounts.sign_in            303    303    303    303   303    303   303      303
accounts.sign_out           303    303    303    303   303    303   303      303
api_keys.create_key         401    403    200    200   200    200   401      401
api_keys.revoke_key         401    403    303    404   404    303   401      401
comments.add_comment        401    303    303    303   303    303   401      401
comments.delete_comment     401    404    303    404   303    303   401      401
deliveries.replay_delivery  401    403    403    403   403    303   401      401
demo.cancel                 404    404    404    404   404    404   404      404
demo.pay                    303    303    303    303   303    303   303      303
demo.reset                  303    303    303    303   303    303   303      303
demo.switch_persona         303    303    303    303   303    303   303      303
likes.toggle_like           303    303    303    303   303    303   303      303
memberships.open_portal     409    409    409    409   409    409   409      409
memberships.start_checkout  303    303    303    303   303    303   303      303
messages.mark_read          401    403    403    403   303    303   401      401
messages.mark_unread        401    403    403    403   303    303   401      401
messages.send_message       303    303    303    303   303    303   303      303
pictures.add_picture        401    403    200    404   200    200   401      401
posts.create_post           401    403    303    303   303    303   401      401
posts.delete_post           401    403    303    404   303    303   401      401
posts.preview_post          401    403    200    404   200    200   401      401
posts.publish_post          401    403    303    404   303    303   401      401
posts.restore_post          401    403    303    404   303    303   401      401
posts.schedule_post         401    403    303    404   303    303   401      401
posts.unpublish_post        401    403    303    404   303    303   401      401
posts.update_post           401    403    303    404   303    303   401      401
settings.toggle_setting     401    403    403    403   403    303   401      401
"""

# Who comes with a key, or without. The read key and the one in the address are the author's, the revoked key and the
# cookie the owner's.
API = """
                                              nobody reader author other editor owner disabled revoked read cookie query
GET /api/v1/openapi.json                      200    200    200    200   200    200   200      200     200  200    200
GET /api/v1/posts                             200    200    200    200   200    200   401      401     200  200    401
POST /api/v1/posts                            401    403    201    201   201    201   401      401     403  401    401
GET /api/v1/posts/<slug>#live                 200    200    200    200   200    200   401      401     200  200    401
GET /api/v1/posts/<slug>#draft                404    404    200    404   200    200   401      401     200  404    401
GET /api/v1/posts/<slug>#deleted              404    404    404    404   404    404   401      401     404  404    401
PATCH /api/v1/posts/<slug>#draft              401    404    200    404   200    200   401      401     403  401    401
DELETE /api/v1/posts/<slug>#draft             401    404    204    404   204    204   401      401     403  401    401
PUT /api/v1/posts/<slug>/publication#draft    401    404    200    404   200    200   401      401     403  401    401
DELETE /api/v1/posts/<slug>/publication#live  401    404    200    404   200    200   401      401     403  401    401
GET /api/v1/pictures                          401    200    200    200   200    200   401      401     200  401    401
POST /api/v1/pictures                         401    403    201    201   201    201   401      401     403  401    401
GET /api/v1/tags                              200    200    200    200   200    200   401      401     200  200    401
GET /api/v1/authors                           200    200    200    200   200    200   401      401     200  200    401
GET /api/v1/me                                401    200    200    200   200    200   401      401     200  401    401
GET /api/v1/posts.csv                         200    200    200    200   200    200   401      401     200  200    401
GET /api/v1/export                            401    200    200    200   200    200   401      401     200  401    401
"""
# For machines that sign, or that know the scheduler's secret: no key opens them, nor a cookie.
for door in [*(f"webhooks/{sender.name}" for sender in SENDERS), "cron/publish-due"]:
    API += f"POST /api/{door}" + " 401" * 11 + "\n"

PEOPLE = {
    "reader": ("cleo", Role.READER),
    "author": ("bob", Role.AUTHOR),
    "other": ("oona", Role.AUTHOR),
    "editor": ("edith", Role.EDITOR),
    "owner": ("ada", Role.OWNER),
    "disabled": ("dora", Role.EDITOR),
}
KEYS = {"revoked": "owner", "read": "author", "query": "author", "key": "owner"} | {who: who for who in PEOPLE}
CANARY = "pelargonium"


def table(text: str) -> dict[str, dict[str, int]]:
    """Return the rows of a table: what each column gets."""
    head, *rows = [line for line in text.splitlines() if line.strip()]
    columns = head.split()
    cut = [row.rsplit(maxsplit=len(columns)) for row in rows]
    return {name: dict(zip(columns, map(int, cells), strict=True)) for name, *cells in cut}


def address(row: str) -> str:
    """Return a row's method and address, without the thing that it asks for."""
    return row.partition("#")[0]


def addresses(app) -> set[str]:
    """Return every address that the application has, with each of its methods, as rows name them."""
    rules = [(re.sub(r"<[^<>]*?(\w+)>", r"<\1>", rule.rule), rule.methods) for rule in app.url_map.iter_rules()]
    return {f"{method} {path}" for path, methods in rules for method in methods - {"HEAD", "OPTIONS"}}


def person(column):
    """Return whom a column names. The closed account is open until its session or key is there."""
    handle, role = PEOPLE[column]
    found = db.session.query(User).filter_by(handle=handle).one_or_none()
    if found is None:
        found = User(name=handle, handle=handle, email=f"{handle}@hallway.example", role=role, password_hash="none")
        db.session.add(found)
        db.session.flush()
    return found


def credentials(column):
    """Return the column's session token, and its key."""
    user = person(KEYS.get(column, "owner"))
    token, (key, text) = UserSession.start(user), ApiKey.issue(user, "a test's", READ if column == "read" else WRITE)
    if column == "revoked":
        key.revoke()
    if column == "disabled":
        user.disable()
    return token, text


def things():
    """Make one of each thing, all of them Bob's, and return their ids; what no reader sees has the canary in it."""
    bob = person("author")
    posts = {
        state: bob.write(f"A {state} {CANARY}", CANARY, slug=Post.free_slug(state), html="")
        for state in ("draft", "live", "deleted")
    }
    posts["live"].publish()
    posts["deleted"].delete()
    key, _ = ApiKey.issue(bob, "a partner", READ)
    failed = db.session.query(Delivery).filter(Delivery.last_error != "").first()
    letter = Message.send(name="Ina", email="ina@letters.example", body="A letter")
    comment = Comment.add(posts["live"], bob, "Mine")
    db.session.flush()
    return {
        "posts": {state: (post.id, post.slug, post.version) for state, post in posts.items()},
        "ids": {"key_id": key.id, "comment_id": comment.id, "message_id": letter.id, "delivery_id": failed.id},
    }


def prepare(app, columns):
    """Return new things, a caller for each column, and what the database is with them."""
    with app.app_context(), write(by="tests"):
        made, callers = things(), {column: credentials(column) for column in columns}
        revalidate_tag("posts", "comments", "messages", "api-keys")
    return made, callers, fingerprint(app)
