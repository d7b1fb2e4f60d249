"""Signals say which copies were used and which writes there were; who connects sees them, and nobody else pays."""

from contextlib import suppress

import pytest
from flask import render_template_string
from notes_app import Note, close, make, read

from flask_revalidation import cached, revalidate_tag, signals, write


@pytest.fixture
def app(tmp_path):
    made = make(tmp_path)
    yield made
    close(made)


def test_each_write_tells_its_tags_and_how_it_ended(app):
    told = []

    def began(running):
        told.append(("began", running.by))

    def ended(running, error):
        told.append(("ended", sorted(running.tags), type(error).__name__))

    signals.write_began.connect(began)
    signals.write_ended.connect(ended)

    with app.app_context():
        with write("a test"):
            app.extensions["db"].session.add(Note(text="tea"))
            revalidate_tag("notes", "/")
        with suppress(ValueError), write("another"):
            revalidate_tag("notes")
            raise ValueError

    assert told == [
        ("began", "a test"),
        ("ended", ["/", "notes"], "NoneType"),
        ("began", "another"),
        ("ended", ["notes"], "ValueError"),
    ]


def test_each_copy_tells_whether_it_was_there_and_whether_it_is_kept(app):
    told = []

    def used(entry, hit):
        told.append((entry.key.partition(",")[0].strip('["'), hit, entry.kept))

    signals.copy_used.connect(used)
    with app.app_context():
        page = "{{ part() }}"
        parts = [
            render_template_string(page, part=lambda: cached("n", tags=["notes"], render=lambda: "x")) for _ in "ab"
        ]

    assert [read(app), read(app), *parts] == ["", "", "x", "x"]
    assert told == [("fragment", False, True), ("fragment", True, True), ("page", False, True), ("page", True, True)]
