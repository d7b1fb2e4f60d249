"""The code keeps its shape: who may import whom, how large things may grow, which words it uses."""

import ast
import gzip
import hashlib
import re
import sys
import tokenize
from io import StringIO
from pathlib import Path

import pytest
from scenarios import fingerprint

from demo.picture import envelope

ROOT = Path(__file__).parent.parent
PACKAGES = {"actions", "api", "cli", "demo", "flask_revalidation", "flask_server_actions", "models", "pages", "web"}
# What teaches may be taken out: nothing imports it.
TEACHING = {"xray", "labs"} & {path.parent.name for path in ROOT.glob("*/__init__.py")}
OURS = PACKAGES | TEACHING | {"app", "data_dir", "settings"}
# What each package may not import. Everything else is allowed.
FORBIDDEN = {
    **{name: TEACHING - {name} for name in TEACHING},
    "pages": {"actions", "api", "flask_server_actions", "demo"},
    "actions": {"pages", "api"},
    "api": {"pages", "actions", "flask_server_actions"},
    "models": OURS - {"models"},
    "web": {"pages", "actions", "api", "demo", "cli"},
    "flask_server_actions": OURS - {"flask_server_actions"},
    "flask_revalidation": OURS - {"flask_revalidation"},
    "demo": OURS - {"demo", "models"},
    "cli": {"pages", "app"},
}
# Code lines of each part: no blank lines, comments or docstrings. A number is never raised: something is taken out.
BUDGETS = {
    "flask_revalidation": 550,
    "flask_server_actions": 600,
    "web": 550,
    "models": 1150,
    "pages": 450,
    "actions": 450,
    "api": 900,
    "app cli data_dir settings": 380,
}
# Words of our own that the field does not know; a search for its words must find what is there.
FOREIGN_WORDS = {"door", "doors", "hallway", "house", "room", "rooms", "turn", "turns", "meter", "throttle", "nonce"}
FOREIGN_WORDS |= {"nonces", "held", "shown", "keeps", "carry", "look", "outcome", "recognise", "opens", "admission"}
FOREIGN_WORDS |= {"sent", "desk", "letter", "letters"}


def sources(*names):
    """Return the Python files of packages or modules, without the libraries' own tests."""
    found = [path for name in names for path in [*ROOT.glob(f"{name}/**/*.py"), *ROOT.glob(f"{name}.py")]]
    return [path for path in found if "tests" not in path.relative_to(ROOT).parts]


def imports(path: Path) -> set[str]:
    """Return the first words of all modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def test_every_package_has_its_row():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert packages == set(FORBIDDEN)


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_arrows_point_one_way(package):
    files = sources(package)

    assert files
    forbidden = FORBIDDEN[package] | TEACHING - {package}
    assert {(f.name, word) for f in files for word in imports(f) & forbidden} == set()


@pytest.mark.parametrize("library", ["flask_revalidation", "flask_server_actions"])
def test_libraries_import_what_their_metadata_names(library):
    named = {
        "flask_revalidation": {"brotli", "cachetools", "flask_sqlalchemy"},
        "flask_server_actions": set(),
    }[library]
    allowed = {
        "blinker",
        "flask",
        "jinja2",
        "markupsafe",
        "pydantic",
        "pydantic_core",
        "sqlalchemy",
        "werkzeug",
        library,
    } | named

    assert {word for path in sources(library) for word in imports(path)} - allowed <= sys.stdlib_module_names


def modules_run_by(path):
    """Return which modules of its own package a file imports when it runs, wherever the import stands."""
    tree = ast.parse(path.read_text())
    only_typed = {
        node for block in ast.walk(tree) if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }  # fmt: skip
    found = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node not in only_typed)
    return {node.module.partition(".")[2] for node in found if (node.module or "").startswith(f"{path.parent.name}.")}


@pytest.mark.parametrize("package", ["models", "web", "flask_revalidation", "flask_server_actions"])
def test_modules_import_one_another_in_one_direction(package):
    arrows = {path.stem: modules_run_by(path) for path in sources(package) if path.stem != "__init__"}
    while leaves := {name for name, targets in arrows.items() if not targets & arrows.keys()}:
        arrows = {name: targets for name, targets in arrows.items() if name not in leaves}

    assert arrows == {}


def test_vendored_files_are_what_was_published():
    lines = (ROOT / "static/vendor/README").read_text().splitlines()
    rows = [line.split() for line in lines if re.search(r"[0-9a-f]{64}$", line)]

    assert rows
    for row in rows:
        assert hashlib.sha256((ROOT / "static/vendor" / row[0]).read_bytes()).hexdigest() == row[-1]


def test_scripts_of_our_own_are_small():
    scripts = [*(ROOT / "static").glob("**/*.js"), *(ROOT / "flask_server_actions/static").glob("*.js")]
    ours = [path for path in scripts if "vendor" not in path.parts]

    assert len(ours) > 4
    assert sum(len(gzip.compress(path.read_bytes())) for path in ours) < 7 * 1024
    assert [path.name for path in ours if len(path.read_text().splitlines()) > 120] == []


@pytest.mark.parametrize("folder", sorted(TEACHING & {"xray"}))
def test_scripts_of_what_teaches_are_small_too(folder):
    scripts = [*(ROOT / folder).glob("static/*.js")]

    assert scripts
    assert sum(len(gzip.compress(path.read_bytes())) for path in scripts) < 6 * 1024


def test_no_template_needs_an_exception_from_the_policy():
    for path in (ROOT / "templates").glob("**/*.html"):
        text = path.read_text()
        assert not re.search(r"""\sstyle=|\son\w+=|<script(?![^>]*src)|hx-on|js:|javascript:""", text), path


def test_nothing_runs_after_the_commit():
    texts = {path: path.read_text() for path in sources(*OURS)}

    assert len(texts) > 40
    assert [path for path, text in texts.items() if "after_commit" in text or "after_flush_postexec" in text] == []


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


@pytest.mark.parametrize("part", BUDGETS)
def test_part_stays_within_its_budget(part):
    lines = sum(code_lines(path) for path in sources(*part.split()))

    assert lines <= BUDGETS[part]


def test_file_is_a_short_chapter():
    long = {path.name: len(path.read_text().splitlines()) for path in sources(*OURS - {"demo"})}

    assert {name: lines for name, lines in long.items() if lines > 200} == {}


def words_of(name):
    """Return the words of an identifier, in lower case."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def defined_names(path):
    """Yield each name that a file gives to something: functions, classes, arguments, variables, attributes."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


def test_identifiers_use_the_words_of_the_field():
    files = sources(*OURS)
    found = {(path.name, name) for path in files for name in defined_names(path) if words_of(name) & FOREIGN_WORDS}
    found |= {(path.name, path.stem) for path in files if words_of(path.stem) & FOREIGN_WORDS}

    assert found == set()


FIELD_WORDS = ("csrf", "idempotency", "rate limit", "write lock", "soft delete", "authenticate", "scope", "tag version")


def test_search_for_the_words_of_the_field_finds_them():
    text = "\n".join(path.read_text().lower() for path in sources(*OURS))

    assert [word for word in FIELD_WORDS if word not in text] == []


# What stands for the variable parts of an address, when every address is tried.
PARTS = {
    "slug": "the-letter-slot-and-the-front-desk",
    "post_id": 1,
    "session_id": "cs_demo",
    "kind": "invalid",
    "part": 0,
}
PARTS |= {"digest": hashlib.sha256(envelope()).hexdigest(), "file_type": "png"}
PARTS |= {"name": "site.css"} | {"filename": "icon.svg"} | {"part": 0}


def test_every_address_that_is_read_answers_everyone_and_writes_nothing(app, visitor, ada):
    before, rules = fingerprint(app), [rule for rule in app.url_map.iter_rules() if "GET" in rule.methods]
    assert len(rules) > 30

    for rule in rules:
        path = rule.build({name: PARTS[name] for name in rule.arguments})[1]
        for browser in (visitor, ada):
            answer = browser.get(path)
            assert answer.status_code in (200, 303, 401, 404, 405), path
            assert answer.get_data()
            answer.close()
        assert fingerprint(app) == before, path


def test_address_that_writes_is_an_action_or_has_its_row_in_the_table_of_the_api(app):
    unsafe = {rule.rule for rule in app.url_map.iter_rules() if rule.methods - {"GET", "HEAD", "OPTIONS"}}

    assert {rule for rule in unsafe if not rule.startswith("/api/")} == {"/_actions/<name>"}


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
    assert 'revalidates  revalidate_path(post.path), revalidate_tag("comments")' in listed
    assert listed.count("POST /_actions/") == len(app.extensions["server_actions"].actions)
