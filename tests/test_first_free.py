"""The first address that is free, found in one query."""

import pytest
from sqlalchemy import event

from flask_revalidation import write
from models import Post, User, db


@pytest.fixture
def statements(app):
    """Return the statements that the database is sent, as they come."""
    sent = []
    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _cursor, statement, *_: sent.append(statement))
    return sent


def test_free_address_costs_one_query_however_many_are_taken(app, statements):
    with app.app_context(), write(by="tests"):
        ada = User.find_author("ada")
        for number in range(150):
            ada.write("Same", slug=f"same-{number}" if number > 1 else "same" if number else "same-0")
        db.session.flush()
        statements.clear()
        slug = Post.free_slug("same")

    assert len(statements) == 1
    assert slug.startswith("same-")
    with app.app_context():
        assert Post.free_slug("commit-is-the-only-moment") == "commit-is-the-only-moment-2"
