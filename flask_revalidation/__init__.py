"""Freshness: a cached copy is served only while nothing it shows has changed.

What it promises. A *tag* names something pages show ("posts", or a page's own path). Each tag has a random version in
the database. `revalidate_tag` and `revalidate_path` replace versions in the same transaction as the data, so commit is
the one moment for both: once a write is answered, no reader on any worker is served what was there before. A copy is
used only while the versions it was made under are the current ones; they are read before the data, in the reader's own
snapshot.

What it must never do. Run anything after the commit, fill from a transaction that has written, or store what belongs to
one caller. It knows Flask and SQLAlchemy and nothing of the application around it: copy the folder and it works there.

    flask_revalidation.init_app(app, db, private_cookies=("session",))

    @app.get("/news")
    @cached_page(tags=["news"])
    def news(): ...

    with write("import"):
        db.session.add(item)
        revalidate_tag("news")
"""

from flask_revalidation.cache import cached, cached_page, conditional_status
from flask_revalidation.detector import ForgottenRevalidation
from flask_revalidation.extension import init_app
from flask_revalidation.privacy import PERSONAL, PrivateRead, is_shared, private
from flask_revalidation.tags import insert_epoch, revalidate_everything, revalidate_path, revalidate_tag, tag_table
from flask_revalidation.transaction import Busy, WriteOutsideTransaction, is_busy, write

__all__ = [
    "PERSONAL",
    "Busy",
    "ForgottenRevalidation",
    "PrivateRead",
    "WriteOutsideTransaction",
    "cached",
    "cached_page",
    "conditional_status",
    "init_app",
    "insert_epoch",
    "is_busy",
    "is_shared",
    "private",
    "revalidate_everything",
    "revalidate_path",
    "revalidate_tag",
    "tag_table",
    "write",
]
