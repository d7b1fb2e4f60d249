"""Letters, from the form to the inbox."""

import re

import pytest
from scenarios import good_fields
from sqlalchemy import text

from flask_revalidation import write
from models import Message


def test_letter_arrives_in_the_inbox_and_the_numbers(ada, visitor):
    ada.get("/dashboard/inbox")

    visitor.act("messages.send_message", name="Ina", email="ina@letters.example", message="May we print it?")

    assert "May we print it?" in ada.get("/dashboard/inbox?show=unread").text
    assert "<dt>Unread letters</dt><dd>5</dd>" in ada.get("/dashboard").text


def test_letter_is_read_and_unread_again(app, ada):
    letter = good_fields(app, "messages.mark_read")["message_id"]

    ada.act("messages.mark_read", message_id=letter)
    assert f'id="message_{letter}"' not in ada.get("/dashboard/inbox?show=unread").text
    ada.act("messages.mark_unread", message_id=letter)
    assert f'id="message_{letter}"' in ada.get("/dashboard/inbox?show=unread").text


def test_letter_that_springs_the_trap_is_kept_in_a_folder_of_its_own(app, ada, visitor):
    answer = visitor.act("messages.send_message", name="Ina", email="x@x.example", message="Hello", leave_empty="Ina")

    assert answer.status_code == 303
    assert "Ina" not in ada.get("/dashboard/inbox").text + ada.get("/dashboard/inbox?show=unread").text
    assert "<dt>Unread letters</dt><dd>4</dd>" in ada.get("/dashboard").text
    suspected = ada.get("/dashboard/inbox?show=suspected").text
    assert suspected.count('class="letter') == 1
    assert "Ina" in suspected

    with app.app_context():
        letter = Message.inbox(show="suspected").rows[0].id
    ada.act("messages.mark_unread", page="/dashboard/inbox?show=suspected", message_id=letter)

    assert "Nothing is suspected." in ada.get("/dashboard/inbox?show=suspected").text
    assert "Ina" in ada.get("/dashboard/inbox?show=unread").text
    assert "<dt>Unread letters</dt><dd>5</dd>" in ada.get("/dashboard").text


def test_no_program_of_a_browser_would_fill_the_trap(visitor):
    trap = re.search(r'<div class="trap".*?</div>', visitor.get("/contact").text, re.DOTALL)[0]

    name = re.search(r'name="(\w+)"', trap)[1]
    assert not re.search("name|mail|url|site|phone|tel|company|address|city|zip|country|user|pass|card|day", name)
    assert 'autocomplete="off"' in trap


def test_letters_without_end_are_slowed_down_and_kept(app, visitor):
    for _ in range(20):
        visitor.act("messages.send_message", name="x", email="x@x.example", message="again")

    answer = visitor.act("messages.send_message", page="/contact", name="x", email="x@x.example", message="once more")

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert "once more</textarea>" in answer.text
    with app.app_context():
        assert len(Message.inbox().rows) == 29


def test_closed_contact_form_keeps_a_letter_that_was_being_written(ada, visitor):
    ada.act("settings.toggle_setting", key="contact_open")

    answer = visitor.act("messages.send_message", page="/contact", name="I", email="i@x.example", message="Long letter")

    assert answer.status_code == 409
    assert "Long letter</textarea>" in answer.text
    assert "closed at the moment" in visitor.get("/contact").text


@pytest.mark.sqlite("it holds the file")
def test_busy_database_is_a_readable_503_with_the_form_kept(make_app, data_dir):
    import sqlite3

    app = make_app(testing=False)
    browser = app.test_client()
    other = sqlite3.connect(data_dir / "hallway.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    answer = browser.act("messages.send_message", page="/contact", name="I", email="i@x.example", message="Long letter")
    read = browser.get("/blog")
    other.execute("ROLLBACK")
    other.close()

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert "Long letter</textarea>" in answer.text
    assert read.status_code == 200
    retry = browser.act("messages.send_message", page="/contact", name="I", email="i@x.example", message="Long letter")
    assert retry.status_code == 303


def test_letter_that_cannot_be_stored_is_not_written_into_the_log(make_app, caplog):
    app = make_app(testing=False)
    with app.app_context(), write(by="test") as session:
        session.execute(text("DROP TABLE message"))

    visitor = app.test_client()
    answer = visitor.act("messages.send_message", name="CANARY", email="canary@x.example", message="CANARY")

    assert answer.status_code == 500
    assert "INSERT INTO message" in caplog.text
    assert "canary" not in caplog.text.lower()
