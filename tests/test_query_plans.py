"""No page and no operation of the API reads a whole table, or sorts one: each list has an index that fits it.

The addresses come from the map of all routes, so a new one is tried by itself. Exports read everything: that is what
they are for.
"""

import re

import pytest
from conftest import Browser
from keys import bearer, issue_key
from postgres import create_database, drop_database, environment_of
from sqlalchemy import event, insert
from test_forgotten_revalidation import addresses

from bench.fill import prepare
from flask_revalidation import write
from models import Delivery, Message, Picture, Post, PostFilter, db

ROWS = 400
GROWING = "post|comment|member|payment|picture"
# The first two read everything, for that is what they are for; the last one any row of each table.
LEFT_OUT = ("/api/v1/export", "/api/v1/posts.csv", "/readyz")
LISTS = {
    "/blog": ["", "?tag=security", "?author=ada", "?q=parser", "?q=parser&tag=security"],
    "/dashboard/posts": ["", "?status=published", "?status=draft", "?q=parser"],
    "/dashboard/members": ["", "?status=active"],
    "/dashboard/inbox": ["", "?show=unread"],
    "/api/v1/posts": ["?limit=2", "?limit=2&tag=security", "?limit=2&author=ada"],
    "/api/v1/pictures": ["?limit=2"],
    "/api/v1/tags": ["?limit=2"],
    "/api/v1/authors": ["?limit=1"],
}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def app(tmp_path_factory, request):
    """An application with some hundred rows in every table that grows, and statistics about them."""
    directory = tmp_path_factory.mktemp("plans")
    if request.param == "postgresql":
        create_database(directory)
    app = prepare(str(directory), ROWS, **environment_of(directory))
    app.test_client_class = Browser
    with app.app_context():
        with write(by="test") as session:
            letter = {"name": "Ina", "email": "ina@letters.example", "body": "May we?"}
            session.execute(insert(Message), [letter] * ROWS)
            drawn = {"width": 1, "height": 1, "alt": "", "content": b"x"}
            paths = [{"path": f"/pictures/{number:064x}.png", "user_id": number % 3 + 1} for number in range(ROWS)]
            session.execute(insert(Picture), [drawn | path for path in paths])
            told = {"source": "stripe", "type": "ping", "body": b"{}"}
            session.execute(insert(Delivery), [told | {"event_id": f"evt_{number}"} for number in range(ROWS)])
        with db.engine.connect().execution_options(write=True) as connection:
            connection.exec_driver_sql("ANALYZE")
            connection.commit()
    yield app
    app.extensions["fast_hits"].close()
    app.extensions["rate_limiter"].close()
    with app.app_context():
        db.engine.dispose()
    if request.param == "postgresql":
        drop_database(directory)


def paths(app):
    """Return every address that is read, lists also filtered, each list with what its first page leads on to."""
    filtered = [f"{path}{query}" for path, queries in LISTS.items() for query in queries]
    return [path for path in [*addresses(app), *filtered] if not path.startswith(LEFT_OUT)]


def next_pages(answer):
    """Return the addresses of the pages beside the answer's."""
    links = re.findall(r'href="([^"]*)" rel="(?:prev|next)"', answer.text if "html" in answer.content_type else "")
    found = [link.replace("&amp;", "&") for link in links if "?" in link]
    return found + re.findall(r"<https?://[^/]+(/[^>]*)>", answer.headers.get("Link", ""))


def readers(app):
    """Yield how each kind of reader asks for an address: nobody, owner and author, with a session and with a key."""
    yield app.test_client().get
    for person in ("ada", "bob"):
        browser, key = app.test_client(), bearer(issue_key(app, person))
        browser.act("demo.switch_persona", persona=person)
        yield browser.get
        yield lambda path, key=key: app.test_client().get(path, headers=key)


def statements(app):
    """Return each SELECT that a reader causes, with its parameters and the address it was for."""
    found, path = {}, ""

    def record(_connection, _cursor, statement, parameters, _context, _many):
        if statement.lstrip().startswith(("SELECT", "WITH")):
            found.setdefault(statement, (parameters, path))

    with app.app_context():
        engine = db.engine
    asks = list(readers(app))
    event.listen(engine, "before_cursor_execute", record)
    try:
        for ask in asks:
            app.extensions["revalidation"].store._entries.clear()
            waiting = [(path, 2 if path.partition("?")[0] in LISTS else 0) for path in paths(app)]
            for path, deeper in waiting:
                with ask(path) as answer:
                    assert answer.status_code < 500, path
                    waiting += [(more, deeper - 1) for more in next_pages(answer) if deeper]
    finally:
        event.remove(engine, "before_cursor_execute", record)
    return found


def faults(connection, statement, parameters):
    """Return what in the plan of a statement grows with a table."""
    look = sqlite_faults if connection.dialect.name == "sqlite" else postgresql_faults
    return look(connection, statement, parameters)


def is_bounded(statement):
    """Say whether a statement stops by itself, or asks for one row, or for a range with two ends."""
    return bool(re.search(r"LIMIT|EXISTS \(|max\(|>= .{,60} AND \S+ < ", statement))


def sqlite_faults(connection, statement, parameters):
    """Look for a table that is read without an end, and for sorted rows of one that are not looked up by their id."""
    lines = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    read = [line for line in lines if re.match(rf"(SCAN|SEARCH) ({GROWING})(_\d+)?\b", line)]
    read = [line for line in read if not re.search(r"\(rowid=\?\)|INDEX (uq|sqlite_autoindex)_", line)]
    sorts = [line for line in lines if "TEMP B-TREE" in line]
    return [*read, *sorts] if read and (sorts or not is_bounded(statement)) else []


def postgresql_faults(connection, statement, parameters):
    """Look for the same: a sort or a sequence that remains when every other way is made easier has no index."""
    for way in ("seqscan", "sort", "bitmapscan", "hashjoin", "mergejoin", "hashagg"):
        connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
    lines = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)]
    read = [
        line
        for line, condition in zip(lines, [*lines[1:], ""], strict=True)
        if re.search(rf"Scan .*\bon ({GROWING})\b", line)
        and not (re.search(r"using (pk|uq)_", line) and "Index Cond" in condition)
    ]
    wrong = [line for line in lines if re.search(rf"\bSort\b|Seq Scan on ({GROWING})\b", line)]
    return lines if read and (wrong or not is_bounded(statement)) else []


def test_no_list_count_neighbour_or_feed_reads_or_sorts_a_table(app):
    found = statements(app)
    assert len(found) > 40
    with app.app_context(), db.engine.connect() as connection:
        wrong = {path: [statement, *bad] for statement, (parameters, path) in found.items()
                 if (bad := faults(connection, statement, parameters))}  # fmt: skip

    assert wrong == {}


def test_plan_that_reads_a_table_is_noticed(app):
    with app.app_context(), db.engine.connect() as connection:
        for query in (
            db.select(Post.id).order_by(Post.title).limit(3),
            db.select(Post.id).where(Post.title == "A"),
            db.select(db.func.count()).select_from(Post),
            PostFilter().apply(db.select(Post.id)).order_by(Post.like_count),
        ):
            compiled = query.compile(db.engine, compile_kwargs={"literal_binds": True})

            assert faults(connection, str(compiled), ()), str(compiled)
