"""Do writers of different posts wait for each other at a tag that they all revalidate? On PostgreSQL, 16 at once.

Each changes a post of its own, durably, with and without revalidating "posts", in turns. Printed: writes a second, as a
share of those without; and the same where all writers share one row of versions, as it would be without rows by writer.
"""

import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from flask import Flask
from flask_migrate import upgrade
from postgres import be_durable, create_database, environment_of
from sqlalchemy import select, update

from app import create_app
from demo.seed import seed
from flask_revalidation import Busy, postgresql, retried, revalidate_tag, write
from models import Post, db
from settings import Settings

WRITERS, SECONDS, ROUNDS = 16, 4, 5


def main() -> None:
    """Measure in turns, and print."""
    with tempfile.TemporaryDirectory() as name:
        create_database(Path(name))
        be_durable()
        app = create_app(Settings.from_environment({"DATA_DIR": name, **environment_of(Path(name))}))
        with app.app_context():
            upgrade()
            with write("bench"):
                seed()
            ids = db.session.scalars(select(Post.id).limit(WRITERS)).all()
        found: dict[str, list[float]] = {"without": [], "with": [], "with, in one row": []}
        for _ in range(ROUNDS):
            found["without"].append(_rate(app, ids, ()))
            found["with"].append(_rate(app, ids, ("posts",)))
            rows, postgresql._BEGIN = postgresql._BEGIN, "SELECT set_config('lock_timeout', %s, true), 0 AS writer"
            found["with, in one row"].append(_rate(app, ids, ("posts",)))
            postgresql._BEGIN = rows
    base = median(found["without"])
    for what, rates in found.items():
        print(f"{what:18} {median(rates):6.0f}/s  {median(rates) / base:.2f}")


def _rate(app: Flask, ids: list[int], tags: tuple[str, ...]) -> float:
    counted, until = [0] * len(ids), time.monotonic() + SECONDS

    @retried
    def change(post_id: int) -> None:
        with app.app_context(), write("bench") as session:
            session.execute(update(Post).where(Post.id == post_id).values(like_count=Post.like_count + 1))
            revalidate_tag(*tags)

    def work(number: int) -> None:
        while time.monotonic() < until:
            try:
                change(ids[number])
                counted[number] += 1
            except Busy:
                continue

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(ids))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counted) / SECONDS


if __name__ == "__main__":
    main()
