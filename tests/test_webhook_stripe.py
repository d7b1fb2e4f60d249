"""The Stripe door, case by case: what is let in, and what is not. The numbers are those of the conformance matrix."""

import ast
import io
import json
import logging
import random
import time

import pytest
import webhooks
from conftest import checked
from stripe import WebhookSignature
from test_settings import GOOD, STRONG
from test_structure import ROOT
from webhooks import SCALE, STRIPE, event, inbox, member, send, signature, signed

from settings import BadSettings

NOW = 1_800_000_000


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still, at a second that has just begun to pass."""
    monkeypatch.setattr(time, "time", lambda: NOW + 0.75)


def header(payload, *, at=None, t=None, v1=None):
    """Return a header whose signature is right; `t` and `v1` replace how its parts are written."""
    at = int(time.time()) if at is None else at
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return f"t={at if t is None else t},v1={signature(body, at) if v1 is None else v1}"


def refused(app, answer, status=401):
    """Assert that nothing came of it, and that the answer does not say why."""
    assert answer.status_code == status
    assert inbox(app) == []
    if status == 401:
        assert answer.json["detail"] == "The signature does not hold for these bytes, here and now."
    return True


def test_known_answer_of_the_scheme():
    body = '{"id":"evt_test_webhook","object":"event"}'
    expected = "t=1700000000,v1=d95c6b7477fbd7e9f90b1b0ef5f9c7ac25abca5382460e0d988c2b2a5b71b990"

    assert WebhookSignature.generate_signature_header(body, "whsec_test_secret", timestamp=1700000000) == expected
    assert expected.endswith(signature(body.encode(), 1700000000, "whsec_test_secret"))


def test_known_answer_is_let_in(make_app, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1700000000)
    app = make_app(STRIPE_WEBHOOK_SECRET="whsec_test_secret")
    known = "t=1700000000,v1=d95c6b7477fbd7e9f90b1b0ef5f9c7ac25abca5382460e0d988c2b2a5b71b990"

    answer = send(app.test_client(), b'{"id":"evt_test_webhook","object":"event"}', header=known)

    assert answer.json == {"received": True, "outcome": "ignored"}


def test_w01_valid_event_acts_once(app, visitor):
    answer = send(visitor, event(event_id="evt_1"))

    assert answer.status_code == 200
    assert answer.json == {"received": True, "outcome": "applied"}
    assert inbox(app) == [("stripe", "evt_1", "applied", 0)]
    assert member(app)[2:] == ("active", 1)


@pytest.mark.parametrize(
    "body",
    [
        b'{  "id" :\t"evt_1"  }',
        b'{\r\n"id": "evt_1"\r\n}',
        '{"id": "evt_1", "name": "Zoë 日本"}'.encode(),
        b'\xef\xbb\xbf{"id": "evt_1"}',
        b'{"id": "evt_1"}\n',
    ],
    ids=["spacing", "CRLF", "not ASCII", "BOM", "newline"],
)
def test_w02_exact_bytes_are_what_counts(app, visitor, body):
    assert send(visitor, body, header=header(body)).status_code == 200
    assert len(inbox(app)) == 1


def test_w03_every_flipped_bit_is_refused(app, visitor):
    body, wanted = b'{"id":"evt_1","type":"ping"}', []
    good = signed(body)

    for position in range(8 * len(body)):
        flipped = bytearray(body)
        flipped[position // 8] ^= 1 << position % 8
        text = flipped[position // 8] < 128
        # The eighth bit makes it no UTF-8, and that is looked at first (W16).
        wanted.append(refused(app, send(visitor, bytes(flipped), header=good), 401 if text else 400))

    assert len(wanted) == 8 * len(body)
    assert send(visitor, body, header=good).status_code == 200


@pytest.mark.parametrize("given", [None, "", "bad_header", "t", "v1", "=", ",", "Please let me in, I am Stripe."])
def test_w04_header_that_is_none_is_refused(app, visitor, given):
    body = json.dumps(event()).encode()
    headers = {} if given is None else {"Stripe-Signature": given}

    assert refused(app, webhooks.checked(visitor.post(STRIPE, data=body, headers=headers), "Stripe-Signature"))


def test_w05_only_the_old_scheme_is_refused(app, visitor):
    assert refused(app, send(visitor, event(event_id="e"), header=header(event(event_id="e")).replace("v1=", "v0=")))


def test_w06_downgrade_to_the_old_scheme_is_refused(app, visitor, clock):
    it = event()
    right = header(it).partition("v1=")[2]

    assert refused(app, send(visitor, it, header=f"t={NOW},v0={right},v1={'0' * 64}"))


@pytest.mark.parametrize("order", [1, -1])
def test_w07_one_good_signature_among_bad_ones_is_enough(app, visitor, clock, order):
    it = event()
    both = [f"v1={'0' * 64}", "v1=" + header(it).partition("v1=")[2]][::order]

    assert send(visitor, it, header=f"t={NOW},{','.join(both)},v0={'1' * 64}").status_code == 200
    assert len(inbox(app)) == 1


def test_w08_old_secret_holds_while_both_are_configured(make_app):
    rotating = make_app(STRIPE_WEBHOOK_SECRET="whsec_new_secret,whsec_old_secret")
    rotated = make_app(STRIPE_WEBHOOK_SECRET="whsec_new_secret")
    it = event(event_id="evt_1")
    old, new = (signed(it, secret=f"whsec_{age}_secret") for age in ("old", "new"))

    assert refused(rotated, send(rotated.test_client(), it, header=old))
    assert send(rotating.test_client(), it, header=old).status_code == 200
    assert send(rotated.test_client(), it, header=new).status_code == 200


def test_w09_a_thousand_signatures_are_refused(app, visitor):
    it = event(event_id="evt_1")
    right = header(it)

    assert refused(app, send(visitor, it, header=right + f",v1={'0' * 64}" * 999))
    assert refused(app, send(visitor, it, header=right + f",v1={'0' * 64}" * 16))
    assert send(visitor, it, header=right + f",v1={'0' * 64}" * 15).status_code == 200


def test_w09_refusing_them_is_less_work_than_verifying_one(app, monkeypatch):
    from api.webhooks.stripe import is_current

    monkeypatch.setattr("api.webhooks.stripe.WebhookSignature.verify_header", lambda *_, **__: 1 / 0)
    many = "t=1800000000" + f",v1={'0' * 64}" * 1000

    begun = time.perf_counter()
    assert not is_current(many)
    assert time.perf_counter() - begun < 0.005


@pytest.mark.parametrize(("age", "status"), [(299, 200), (300, 200), (301, 401)])
def test_w10_five_minutes_are_the_limit(app, visitor, clock, age, status):
    it = event()

    assert send(visitor, it, header=header(it, at=NOW - age)).status_code == status
    assert len(inbox(app)) == (status == 200)


@pytest.mark.parametrize(("ahead", "status"), [(299, 200), (300, 200), (301, 401)])
def test_w11_and_so_they_are_into_the_future(app, visitor, clock, ahead, status):
    it = event()

    assert send(visitor, it, header=header(it, at=NOW + ahead)).status_code == status
    assert len(inbox(app)) == (status == 200)


@pytest.mark.parametrize(
    "written",
    ["", "-1", "1.0", f"{NOW}.0", "NaN", "1" + 30 * "0", f" {NOW}", f"{NOW} ", f"+{NOW}", "1_800_000_000",
     "١٨٠٠٠٠٠٠٠٠", f"0x{NOW:x}", f"{NOW}\t", f"t={NOW}"],
)  # fmt: skip
def test_w12_time_is_one_to_twelve_digits(app, visitor, clock, written):
    it = event()

    assert refused(app, send(visitor, it, header=as_sent(header(it, at=NOW, t=written))))


def test_w12_time_may_not_be_missing(app, visitor):
    it = event()

    assert refused(app, send(visitor, it, header=header(it).partition(",")[2]))


def as_sent(text):
    """Return what the server makes of bytes in a header that are not ASCII."""
    return text.encode().decode("latin-1")


def test_w13_two_times_are_refused(app, visitor, clock):
    it = event()
    right = header(it, at=NOW)

    assert refused(app, send(visitor, it, header=f"{right},t={NOW}"))
    assert refused(app, send(visitor, it, header=f"t={NOW - 9999},{right}"))


@pytest.mark.parametrize(
    "write",
    [str.upper, lambda v: v[:-1], lambda v: v + "0", lambda v: "", lambda v: "x" * 64, lambda v: "ü" * 64,
     lambda v: f"sig={v}", lambda v: f" {v}", lambda v: f"{v}="],
    ids=["upper case", "short", "long", "empty", "not hex", "not ASCII", "sig=", "space", "padded"],
)  # fmt: skip
def test_w14_signature_is_64_lower_case_hex_digits(app, visitor, clock, write):
    it = json.dumps(event()).encode()
    given = as_sent(header(it, v1=write(signature(it, NOW))))

    assert refused(app, send(visitor, it, header=given))


@pytest.mark.parametrize("odd", ["", "v1=", "v1=sig", "V1=0", "x", "v0", " v0=00", "v1=" + "0" * 63, "v0=a b", "u=1"])
def test_w14_odd_part_beside_a_right_signature_is_refused(app, visitor, odd):
    it = event()

    assert refused(app, send(visitor, it, header=f"{header(it)},{odd}"))


def test_w15_header_sent_twice_is_refused(app, visitor):
    it = event()
    right = header(it)

    assert refused(app, send(visitor, it, header=right, headers=[("Stripe-Signature", right)]))
    assert refused(app, send(visitor, it, header=f"{right},{right}"))


def test_w16_body_that_is_no_utf8_is_unusable_however_signed(app, visitor):
    body = b'{"id": "evt_1", "name": "\xff\xfe"}'

    assert refused(app, send(visitor, body, header=header(body)), 400)
    assert refused(app, send(visitor, body, header=header(b"other")), 400)
    assert refused(app, send(visitor, body, header="nonsense"))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"id=evt_1", b"[]", b'"evt_1"', b"null", b"17", b"{}", b'{"id": null}', b'{"id": ""}', b'{"id": 7}',
     b'{"id": ["evt"]}', b'{"id": "e v t"}', b'{"id": "evt_\\u0000"}', b'{"id": "\\ud800"}',
     b'{"id": "' + b"e" * 256 + b'"}', b"[" * 100_000, b'{"id": ' + b"1" * 5000 + b"}", b'{"detail": {"id": "evt_1"}}',
     '{"id": "evt_1"}'.encode("utf-16-le")],
)  # fmt: skip
def test_w17_signed_body_without_an_event_is_unusable(app, visitor, body):
    assert refused(app, send(visitor, body, header=header(body)), 400)


def test_w18_thin_event_is_stored_and_does_nothing(app, visitor):
    thin = {"id": "evt_thin", "object": "v2.core.event", "type": "invoice.paid", "livemode": True,
            "related_object": {"id": "in_1", "type": "invoice", "url": "/v1/invoices/in_1"}}  # fmt: skip

    assert send(visitor, thin).json["outcome"] == "ignored"
    assert inbox(app) == [("stripe", "evt_thin", "ignored", 0)]


@pytest.mark.parametrize(
    "odd",
    [{"type": "a.new.type"}, {"type": None}, {"type": 7}, {"type": "x" * 5000}, {"type": "\ud800\x00"},
     {"type": "a.new.type", "api_version": "2031-01-01." + "x" * 5000}, {"type": "ping", "api_version": {}}],
)  # fmt: skip
def test_w19_unknown_type_and_version_are_stored_as_ignored(app, visitor, odd):
    assert send(visitor, event(event_id="evt_1") | odd).json["outcome"] == "ignored"
    assert inbox(app) == [("stripe", "evt_1", "ignored", 0)]


def test_w19_known_type_of_an_unknown_version_acts(app, visitor):
    assert send(visitor, event() | {"api_version": "2031-01-01.future"}).json["outcome"] == "applied"


SECRET = f"whsec_{STRONG}"
PAID = GOOD | {"PUBLIC_URL": "http://localhost", "TRUSTED_HOSTS": "localhost", "STRIPE_PRICE_ID": "price_1"}


def sent_in_production(make_app, key, *events):
    """Return the application and what became of events that it gets; without a key nobody can buy anything."""
    app = make_app(**PAID, STRIPE_WEBHOOK_SECRET=SECRET, **({"STRIPE_SECRET_KEY": key} if key else {}))
    return app, [send(app.test_client(), it, header=signed(it, secret=SECRET)).json["outcome"] for it in events]


@pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x", ""])
def test_w20_test_event_does_nothing_in_production_without_a_test_key(make_app, key):
    app, told = sent_in_production(make_app, key, event(event_id="1"), event(event_id="2") | {"livemode": "true"})

    assert told == ["ignored", "ignored"]
    assert inbox(app) == [("stripe", "1", "ignored", 0), ("stripe", "2", "ignored", 0)]
    assert member(app) is None
    assert sent_in_production(make_app, key, event(event_id="3", livemode=True))[1] == ["applied"]
    assert member(app) is not None


@pytest.mark.parametrize("key", ["sk_test_x", "rk_test_x"])
def test_w20_test_event_acts_where_the_key_is_of_the_test_mode(make_app, key):
    assert sent_in_production(make_app, key, event())[1] == ["applied"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "PATCH", "DELETE"])
def test_w21_nothing_but_post(app, visitor, method):
    answer = visitor.open(STRIPE, method=method)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.headers["Cache-Control"] == "no-store"


def test_w21_half_a_megabyte_is_the_limit(app, visitor, monkeypatch):
    largest = b'{"id": "evt_1"}' + b" " * (512 * 1024 - 15)

    assert send(visitor, largest).status_code == 200
    monkeypatch.setattr("api.webhooks.stripe.WebhookSignature.verify_header", lambda *_, **__: 1 / 0)
    assert send(visitor, largest + b" ").status_code == 413
    assert len(inbox(app)) == 1


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("br", 415), ("gzip, identity", 415),
                                                  ("identity", 200), ("Identity", 200)])  # fmt: skip
def test_w21_packed_body_is_refused(app, visitor, encoding, status):
    assert send(visitor, event(), headers=[("Content-Encoding", encoding)]).status_code == status


def test_w22_exact_replay_is_taken_and_does_nothing(app, visitor):
    it = event(event_id="evt_1")
    once = signed(it)

    answers = [send(visitor, it, header=once).json for _ in range(3)]

    assert answers == [{"received": True, "outcome": "applied"}] * 3
    assert inbox(app) == [("stripe", "evt_1", "applied", 0)]
    assert member(app)[3] == 1


def test_w23_retry_with_a_new_signature_does_nothing_again(app, visitor, monkeypatch):
    it = event(event_id="evt_1")
    send(visitor, it)
    three_days_on = time.time() + 3 * 24 * 3600
    monkeypatch.setattr(time, "time", lambda: three_days_on)

    assert send(visitor, it).json == {"received": True, "outcome": "applied"}
    assert len(inbox(app)) == 1
    assert member(app)[3] == 1


@pytest.mark.parametrize(
    "secret", ["", "   ", ",", "whsec_with space", "whsec_tab\tinside", "no_prefix_12345", "whsec_"]
)
def test_w34_secret_that_is_none_stops_the_start(tmp_path, secret):
    with pytest.raises(BadSettings, match="STRIPE_WEBHOOK_SECRET"):
        checked({"DEMO": "1", "DATA_DIR": str(tmp_path), "STRIPE_WEBHOOK_SECRET": secret})


def test_w34_without_a_secret_nobody_is_let_in(app, visitor):
    app.config["WEBHOOK_SECRETS"]["stripe"] = []

    assert refused(app, send(visitor, event()))


def test_w35_secrets_are_compared_in_constant_time_only():
    telling = ("secret", "signature", "digest", "token", "mac")
    compared, checked = [], set()
    for path in [*(ROOT / "api/webhooks").glob("*.py"), ROOT / "api/cron.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Compare) and not isinstance(node.ops[0], ast.Is | ast.IsNot):
                sides = [ast.unparse(side).lower() for side in (node.left, *node.comparators)]
                sized = all(side.startswith(("len(", "1", "max_")) for side in sides if any(t in side for t in telling))
                compared += [(path.name, sides)] if not sized else []
            if isinstance(node, ast.Attribute) and node.attr in ("compare_digest", "verify_header"):
                checked.add(path.name)

    assert compared == []
    assert checked == {"stripe.py", "github.py", "cron.py"}


def test_w36_logs_hold_nothing_of_payload_header_or_secret(make_app, caplog, monkeypatch):
    app = make_app(testing=False, STRIPE_WEBHOOK_SECRET="whsec_CANARYsecret")
    caplog.set_level(logging.DEBUG)
    visitor, it = app.test_client(), event(email="CANARY@post.example", event_id="evt_1")
    it["data"]["object"]["id"] = {"CANARY": "CANARY"}  # the effect fails, on the payload's own words
    good = signed(it, secret="whsec_CANARYsecret")

    assert send(visitor, it, header=good).status_code == 500
    assert send(visitor, it, header=good.replace("v1=", "v1=CANARY")).status_code == 401
    assert send(visitor, it, header=good[:-4] + "0000").status_code == 401
    assert send(visitor, b"CANARY{", header=signed(b"CANARY{", secret="whsec_CANARYsecret")).status_code == 400

    assert "attempt 1: ValidationError: not as expected: data.object.id" in caplog.text
    assert "CANARY" not in caplog.text
    assert good not in caplog.text
    assert "CANARY" not in app.test_client().get("/").text


def test_w36_error_that_quotes_the_payload_is_not_kept(app, visitor, monkeypatch, caplog):
    from models import Delivery, db
    from models.delivery import EFFECTS

    def quote(payload):
        raise KeyError(payload["data"]["object"]["customer_email"])

    monkeypatch.setitem(EFFECTS, ("stripe", "invoice.paid"), quote)
    send(visitor, event(email="CANARY@post.example", event_id="evt_1"))

    with app.app_context():
        kept = Delivery.known("stripe", "evt_1").last_error
        db.session.rollback()
    assert kept.startswith("KeyError in quote (test_webhook_stripe.py, line ")
    assert "CANARY" not in kept + caplog.text


def test_w37_fuzzed_headers_and_bodies_never_get_in_and_never_break_it(make_app):
    app = make_app(testing=False)
    chance, visitor = random.Random(37), app.test_client()
    it = json.dumps(event()).encode()

    answers = [
        visitor.post(STRIPE, data=fuzzed_body(chance, it), headers={"Stripe-Signature": fuzzed_header(chance, it)})
        for _ in range(2000 * SCALE)
    ]

    assert {answer.status_code for answer in answers} == {400, 401}
    assert inbox(app) == []


def fuzzed_header(chance, body):
    """Return a header that is nearly right: the right time and a wrong signature, cut, doubled, or with odd parts."""
    parts = [f"t={int(time.time())}", "v1=" + signature(body, int(time.time()), "whsec_other")]
    for _ in range(chance.randint(0, 4)):
        where, odd = (
            chance.randrange(len(parts)),
            "".join(chance.choices("tv01=,;- \tüÿ\x00é9aZ_+", k=chance.randint(0, 9))),
        )
        parts[where] = chance.choice([parts[where] + odd, odd + parts[where], odd, parts[where][: len(odd)]])
        parts.insert(where, chance.choice([*parts, odd]))
    return ",".join(parts)


def fuzzed_body(chance, body):
    """Return a body with some bytes changed, moved or gone."""
    changed = bytearray(body[: chance.choice([len(body), chance.randrange(len(body))])])
    for _ in range(chance.randint(0, 3)):
        if changed:
            changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def test_w21_body_in_chunks_that_is_too_large_is_413_and_not_cut_off(visitor):
    body = b" " * (512 * 1024 + 1)

    answer = visitor.post(
        "/api/webhooks/stripe",
        input_stream=io.BytesIO(body),
        headers={"Stripe-Signature": signed(body), "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )

    assert answer.status_code == 413
