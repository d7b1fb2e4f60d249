"""Keys for those who write, and for the owner what the webhooks brought."""

import pytest
from scenarios import good_fields

from flask_revalidation import write
from models import Delivery, DeliveryStatus, Member, db


@pytest.mark.parametrize(
    ("person", "keys", "deliveries"), [("ada", 200, True), ("bob", 200, False), ("cleo", 403, False)]
)
def test_writers_see_keys_and_the_owner_deliveries_too(sign_in, person, keys, deliveries):
    answer = sign_in(person).get("/dashboard/developers")

    assert answer.status_code == keys
    assert ("Webhook deliveries" in answer.text) == deliveries


@pytest.fixture
def failed(app):
    """A delivery that could not take effect, and never will: its payload is no event."""
    with app.app_context(), write(by="test"):
        row = Delivery(
            source="stripe", event_id="evt_dead", type="invoice.paid", body=b"[]", status=DeliveryStatus.DEAD
        )
        row.attempts, row.last_error = 10, "<b>TypeError</b>"
        db.session.add(row)
        db.session.flush()
        return row.id


def test_failed_delivery_says_why_and_has_a_button(ada, failed):
    row = ada.get("/dashboard/developers").text.split(f'id="delivery_{failed}"')[1].split("</li>")[0]

    assert '<span class="status dead">dead</span>' in row
    assert "10 failed attempts" in row
    assert "&lt;b&gt;TypeError&lt;/b&gt;" in row
    assert f"replay_delivery?delivery_id={failed}" in row


def test_replay_that_fails_again_is_counted_and_told(app, ada, failed):
    answer = ada.act("deliveries.replay_delivery", page="/dashboard/developers", delivery_id=failed)

    assert answer.status_code == 409
    assert "It failed again" in answer.text
    with app.app_context():
        assert db.session.get(Delivery, failed).attempts == 11


def test_what_took_effect_has_no_replay_button(app, ada, failed):
    with app.app_context(), write(by="test"):
        db.session.get(Delivery, failed).status = DeliveryStatus.APPLIED
    row = ada.get("/dashboard/developers").text.split(f'id="delivery_{failed}"')[1].split("</li>")[0]

    assert '<span class="status applied">applied</span>' in row
    assert "replay_delivery" not in row


def test_dead_delivery_takes_effect_when_it_is_replayed(app, ada):
    delivery = good_fields(app, "deliveries.replay_delivery")["delivery_id"]
    ada.get("/dashboard/members")

    answer = ada.act("deliveries.replay_delivery", page="/dashboard/developers", delivery_id=delivery)

    assert answer.status_code == 303
    with app.app_context():
        assert db.session.get(Delivery, delivery).status == DeliveryStatus.APPLIED
        assert db.session.query(Member).count() == 187
    assert "reader187@post.example" in ada.get("/dashboard/members").text


def test_payload_shows_no_address(ada):
    page = ada.get("/dashboard/developers").text

    assert "checkout.session.completed" in page
    assert "reader187@post.example" not in page


def test_keys_can_be_revoked_while_nobody_counts(app, ada, data_dir):
    for file in data_dir.glob("meter.db*"):
        file.unlink()
    (data_dir / "meter.db").write_bytes(b"no database" * 1000)

    page = ada.get("/dashboard/developers")

    assert page.status_code == 200
    assert "Revoke" in page.text
    assert "Last used" not in page.text
