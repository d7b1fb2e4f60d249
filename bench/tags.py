"""The same with 1, 20 and 200 tags: of the cache, which versions are looked up and written for, and of a post.

It is the processor's time of this process alone, as in `bench/growth.py`, which prints both tables.
"""

import statistics
import time
from collections.abc import Callable
from itertools import count

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from bench.fill import filled
from flask_revalidation import cached_page, revalidate_tag, write
from models import Post, Tag, db

NUMBERS = (1, 20, 200)
ROUNDS = 25
ORIGIN = {"Origin": "http://localhost"}


def names(number: int) -> list[str]:
    """Return so many tags of the cache."""
    return [f"bench-{each}" for each in range(number)]


def measure() -> dict[int, dict[str, float]]:
    """Return the median milliseconds of each, by the number of tags."""
    with filled() as (_, app):
        app.add_url_rule("/bench/<int:number>", view_func=cached_page(tags=names)(lambda number: f"{number} tags"))
        return {number: {name: _median(app, *steps) for name, steps in rows(app, number).items()} for number in NUMBERS}


def rows(app: Flask, number: int) -> dict[str, tuple[Callable[[], object], bool]]:
    """Return what is measured by name, and whether the store is emptied each time."""
    anyone, owner = app.test_client(), app.test_client()
    owner.post("/_actions/demo.switch_persona?persona=ada&_page=/", headers=ORIGIN)
    with app.app_context(), write(by="bench"):
        post = db.session.scalars(select(Post).order_by(Post.id)).first()
        assert post
        post.tags = Tag.named(names(number))
        post.publish()
        post_id, path, calls = post.id, post.path, count()
        revalidate_tag(*post.cache_tags)

    def revalidate() -> None:
        with app.app_context(), write(by="bench"):
            revalidate_tag(*names(number))

    def publish() -> TestResponse:
        action = ("unpublish", "publish")[next(calls) % 2]
        asked = f"post_id={post_id}&_page=/dashboard/posts&_key={time.monotonic_ns()}-a-key"
        return owner.post(f"/_actions/posts.{action}_post?{asked}", headers=ORIGIN | {"HX-Request": "true"})

    revalidate()
    return {
        "a page of so many cache tags, made": (lambda: anyone.get(f"/bench/{number}"), True),
        "the same, a hit": (lambda: anyone.get(f"/bench/{number}"), False),
        "a write that revalidates them": (revalidate, False),
        "a post that stands under so many": (lambda: anyone.get(path), True),
        "/blog with this post": (lambda: anyone.get("/blog"), True),
        "API list with this post": (lambda: anyone.get("/api/v1/posts"), True),
        "action on this post, htmx": (publish, True),
    }


def _median(app: Flask, ask: Callable[[], object], emptied: bool) -> float:
    times = []
    for _ in range(ROUNDS):
        if emptied:
            app.extensions["revalidation"].store._entries.clear()
        began = time.process_time()
        answer = ask()
        times.append(1000 * (time.process_time() - began))
        assert not isinstance(answer, TestResponse) or answer.status_code == 200, answer.get_data(as_text=True)
    return statistics.median(times)


def show(table: dict[int, dict[str, float]]) -> None:
    """Print the table."""
    print(f"\n{'milliseconds, with tags:':40}" + "".join(f"{number:>10,}" for number in table) + f"{'growth':>10}")
    for name, first in table[NUMBERS[0]].items():
        times = "".join(f"{table[number][name]:10.2f}" for number in table)
        print(f"{name:40}{times}{table[NUMBERS[-1]][name] / first:10.2f}")
