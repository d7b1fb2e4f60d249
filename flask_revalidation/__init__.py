"""Freshness: a cached copy is served only while nothing it shows has changed.

What it promises. A *tag* names something pages show ("posts", or a page's own path). Each tag has a random version in
the database. `revalidate_tag` and `revalidate_path` replace versions in the same transaction as the data, so commit is
the one moment for both: once a write is answered, no reader on any worker is served what was there before. A copy is
used only while the versions it was made under are the current ones; they are read before the data, in the reader's own
snapshot.

What it must never do. Run anything after the commit, fill from a transaction that has written, or store what belongs to
one caller. README.md tells the rest.

    Revalidation(app, db)

    @app.get("/news")
    @cached_page(tags=["news"])
    def news(): ...

    with write("import"):
        db.session.add(item)
        revalidate_tag("news")
"""

from flask_revalidation.cache import *
from flask_revalidation.detector import ForgottenRevalidation as ForgottenRevalidation
from flask_revalidation.extension import Revalidation as Revalidation
from flask_revalidation.mistakes import Mistake as Mistake
from flask_revalidation.privacy import *
from flask_revalidation.tags import insert_epoch as insert_epoch, tag_table as tag_table
from flask_revalidation.transaction import *
