"""The house keeps its shape: who may import whom, what can be lifted out, how large things may grow."""

import ast
import gzip
import hashlib
import re
import shutil
import subprocess
import sys
import tokenize
from io import StringIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLUEPRINTS = {"pages", "actions", "api"}
OURS = BLUEPRINTS | {"models", "web", "flask_server_actions", "flask_revalidation", "demo", "settings", "cli"}
# What each room may not import. Everything else is allowed.
FORBIDDEN = {
    "pages": {"actions", "api", "flask_server_actions", "demo"},
    "actions": {"pages", "api"},
    "api": {"pages", "actions", "flask_server_actions"},
    "models": OURS - {"models"},
    "web": {"pages", "actions", "demo", "cli"},
    "flask_server_actions": OURS - {"flask_server_actions", "flask_revalidation"},
    "flask_revalidation": OURS - {"flask_revalidation"},
    "demo": OURS - {"demo", "models"},
}


def imports(path: Path) -> set[str]:
    """Return the first words of all modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_every_room_has_its_row():
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert rooms == set(FORBIDDEN)


@pytest.mark.parametrize("room", FORBIDDEN)
def test_arrows_point_one_way(room):
    files = list((ROOT / room).glob("**/*.py"))

    assert files
    assert {(f.name, word) for f in files for word in imports(f) & FORBIDDEN[room]} == set()


LIFTED = """
from flask import Flask, render_template_string
from flask_sqlalchemy import SQLAlchemy
import flask_revalidation, flask_server_actions, sys
from flask_revalidation import cached_page, revalidate_path
from flask_server_actions import Form, action, anyone, success

app, db = Flask(__name__), SQLAlchemy()
app.config.update(SECRET_KEY="k", SQLALCHEMY_DATABASE_URI="sqlite:///items.db")
db.init_app(app)
class Item(db.Model):
    id = db.Column(db.Integer, primary_key=True); name = db.Column(db.String)
class NewItem(Form):
    name: str
@action(allow=anyone("an example"))
def add(form: NewItem, user):
    db.session.add(Item(name=form.name)); revalidate_path("/"); return success("Added.")
@app.get("/")
@cached_page()
def index():
    return render_template_string("{% for i in items %}[{{ i.name }}]{% endfor %}", items=Item.query.all())
flask_revalidation.init_app(app, db)
flask_server_actions.init_app(app, db, modules=[sys.modules[__name__]], load_user=lambda: None,
                        own_origins=lambda: frozenset({"http://localhost"}))
"""
TRIAL = """
from lifted import app, db
with app.app_context(): db.create_all()
c, h = app.test_client(), {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
assert c.get("/").text == "" and c.get("/").headers["ETag"]
assert c.post("/_actions/lifted.add", data={"name": "tea"}, headers=h).status_code == 303
assert app.test_client().get("/").text == "[tea]"
assert "[jam]" in c.post("/_actions/lifted.add", data={"name": "jam"}, headers=h | {"HX-Request": "true"}).text
print("posted")
"""


def test_both_mechanisms_work_in_an_empty_application(tmp_path):
    for folder in ("flask_server_actions", "flask_revalidation"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    assert len(LIFTED.strip().splitlines()) <= 25
    (tmp_path / "lifted.py").write_text(LIFTED)

    done = subprocess.run([sys.executable, "-c", TRIAL], cwd=tmp_path, capture_output=True, text=True)

    assert (done.stdout, done.returncode) == ("posted\n", 0), done.stderr


def test_vendored_files_are_what_was_published():
    lines = (ROOT / "static/vendor/README").read_text().splitlines()
    rows = [line.split() for line in lines if re.search(r"[0-9a-f]{64}$", line)]

    assert rows
    for row in rows:
        assert hashlib.sha256((ROOT / "static/vendor" / row[0]).read_bytes()).hexdigest() == row[-1]


def test_scripts_of_our_own_are_small():
    scripts = [*(ROOT / "static").glob("**/*.js"), *(ROOT / "flask_server_actions/static").glob("*.js")]
    ours = [path for path in scripts if "vendor" not in path.parts]

    assert len(ours) > 6
    assert sum(len(gzip.compress(path.read_bytes())) for path in ours) < 7 * 1024
    assert [path.name for path in ours if len(path.read_text().splitlines()) > 120] == []


def test_every_form_of_an_action_closes_right_after_it():
    # `action()` prints hidden fields after the attributes, so anything behind it would land in the last of them.
    text = "".join(path.read_text() for path in (ROOT / "templates").glob("**/*.html"))
    uses = re.findall(r"<form[^>]*\{\{ *(?:action\(.*?\)|form|later) *\}\}(.)", text)

    assert len(uses) > 10
    assert set(uses) == {">"}


def test_no_template_needs_an_exception_from_the_policy():
    for path in (ROOT / "templates").glob("**/*.html"):
        text = path.read_text()
        assert not re.search(r"""\sstyle=|\son\w+=|<script(?![^>]*src)|hx-on|js:|javascript:""", text), path


def test_nothing_runs_after_the_commit():
    sources = {path: path.read_text() for room in OURS for path in ROOT.glob(f"{room}*/**/*.py")}

    assert len(sources) > 40
    assert [path for path, text in sources.items() if "after_commit" in text or "after_flush_postexec" in text] == []


def code_lines(path: Path) -> int:
    """Count the lines that do something: no blank lines, comments or docstrings."""
    source = path.read_text()
    documented = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False)
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    plain = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [token for token in tokenize.generate_tokens(StringIO(source).readline) if token.type not in plain]
    return len({line for token in tokens for line in range(token.start[0], token.end[0] + 1)} - documented)


def test_house_can_be_read_in_an_afternoon():
    rooms = OURS | {"app"}
    files = [path for room in rooms for path in [*ROOT.glob(f"{room}/**/*.py"), *ROOT.glob(f"{room}.py")]]

    assert [path.name for path in files if len(path.read_text().splitlines()) > 300] == []
    assert sum(code_lines(path) for path in files if "api" not in path.parts) < 4450
    assert sum(code_lines(path) for path in files if "api" in path.parts) < 1200


def test_addresses_are_the_known_ones(app):
    rules = sorted(
        f"{','.join(sorted(rule.methods - {'HEAD', 'OPTIONS'}))} {rule.rule}" for rule in app.url_map.iter_rules()
    )

    assert rules == [
        "DELETE /api/v1/posts/<slug>",
        "DELETE /api/v1/posts/<slug>/publication",
        "GET /",
        "GET /api/docs",
        "GET /api/problems/<kind>",
        "GET /api/v1/authors",
        "GET /api/v1/export",
        "GET /api/v1/me",
        "GET /api/v1/openapi.json",
        "GET /api/v1/posts",
        "GET /api/v1/posts.csv",
        "GET /api/v1/posts/<slug>",
        "GET /api/v1/tags",
        "GET /blog",
        "GET /blog/<slug>",
        "GET /contact",
        "GET /dashboard",
        "GET /dashboard/developers",
        "GET /dashboard/inbox",
        "GET /dashboard/members",
        "GET /dashboard/posts",
        "GET /dashboard/posts/<int(max=2147483647):post_id>/edit",
        "GET /dashboard/settings",
        "GET /feed.json",
        "GET /feed.xml",
        "GET /healthz",
        "GET /readyz",
        "GET /robots.txt",
        "GET /sign-in",
        "GET /sitemap.xml",
        "GET /static/<any('site.css', 'site.js'):name>",
        "GET /static/<path:filename>",
        "GET /support",
        "GET /support/checkout/<session_id>",
        "PATCH /api/v1/posts/<slug>",
        "POST /_actions/<name>",
        "POST /api/cron/publish-due",
        "POST /api/v1/posts",
        "POST /api/webhooks/github",
        "POST /api/webhooks/stripe",
        "PUT /api/v1/posts/<slug>/publication",
    ]


def test_actions_are_the_known_ones(app):
    assert sorted(app.extensions["server_actions"].actions) == [
        "accounts.sign_in",
        "accounts.sign_out",
        "api_keys.create_key",
        "api_keys.revoke_key",
        "comments.add_comment",
        "comments.delete_comment",
        "deliveries.replay_delivery",
        "demo.pay",
        "demo.reset",
        "demo.switch_persona",
        "likes.toggle_like",
        "memberships.start_checkout",
        "messages.mark_read",
        "messages.mark_unread",
        "messages.send_message",
        "posts.create_post",
        "posts.delete_post",
        "posts.preview_post",
        "posts.publish_post",
        "posts.restore_post",
        "posts.schedule_post",
        "posts.unpublish_post",
        "posts.update_post",
        "settings.toggle_setting",
    ]


def test_every_action_has_a_form_in_a_template(app):
    text = "".join(path.read_text() for path in (ROOT / "templates").glob("**/*.html"))
    text += "".join(re.findall(r"undo = \(.*\)", "".join(path.read_text() for path in (ROOT / "actions").glob("*.py"))))

    assert [name for name in app.extensions["server_actions"].actions if f'"{name}"' not in text] == []


def test_action_list_names_schema_policy_and_tags(app):
    listed = app.test_cli_runner().invoke(args=["actions"]).output

    assert "POST /_actions/posts.publish_post    actions/posts.py:" in listed
    assert "schema       OnePost(post_id)" in listed
    assert "policy       writers" in listed
    assert "revalidates  revalidate_tag(*post.cache_tags)" in listed
    assert "revalidates  revalidate_path(post.path), revalidate_tag('comments')" in listed
    assert listed.count("POST /_actions/") == len(app.extensions["server_actions"].actions)
