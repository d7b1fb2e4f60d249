"""A new sender of webhooks works as it is declared, or stops the start with a sentence that says what to write."""

import hashlib
import hmac
from types import ModuleType

import pytest
from conftest import checked, settings_for
from postgres import environment_of
from test_settings import GOOD, STRONG

from api import webhooks
from api.webhooks.receive import BadSender, Event, Sender
from app import create_app
from models.delivery import EFFECTS, effect
from settings import BadSettings, Secrets, Settings


class WithShop(Settings):
    """The settings, and those of one sender more."""

    shop_webhook_secret: Secrets = []


def verify(body, signature, secrets):
    return any(hmac.compare_digest(signature, sign(body, secret)) for secret in secrets)


def sign(body, secret):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def identify(payload):
    return Event(payload["id"], payload["type"])


@pytest.fixture
def effects(monkeypatch):
    """An empty module for effects; whatever is declared is forgotten afterwards."""
    for key in list(EFFECTS):
        monkeypatch.setitem(EFFECTS, key, EFFECTS[key])
    yield ModuleType("models.shop")
    for key in [key for key in EFFECTS if key[0] == "shop"]:
        del EFFECTS[key]


def sold(effects, acted):
    """Declare what happens when the shop has sold something, as in `models/shop.py`."""

    def act(payload, prepared=None):
        acted.append((payload["id"], prepared))
        return {"members"}

    act.__module__ = effects.__name__
    effect("shop", "sold")(act)


def sender(effects, **more):
    return Sender("shop", "X-Shop-Signature", verify, identify, effects=effects, **more)


def start(data_dir, monkeypatch, added, settings=WithShop, **environment):
    """Start the application with the shop among its senders."""
    monkeypatch.setattr(webhooks, "SENDERS", [*webhooks.SENDERS, added])
    environment = {"DATA_DIR": str(data_dir), "DEMO": "1"} | environment_of(data_dir) | environment
    return create_app(settings.from_environment(environment), testing=True)


def test_sender_without_an_effect_stops_the_start(data_dir, monkeypatch, effects):
    with pytest.raises(BadSender, match=r'shop do nothing: declare an @effect\("shop", …\) in models/shop.py'):
        start(data_dir, monkeypatch, sender(effects))


def test_sender_without_a_setting_stops_the_start(data_dir, monkeypatch, effects):
    sold(effects, [])

    with pytest.raises(BadSender, match=r"shop have no secret: add shop_webhook_secret to settings.py"):
        start(data_dir, monkeypatch, sender(effects), settings=Settings)


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("abc", "SHOP_WEBHOOK_SECRET is shorter than 32 bytes"),
        (f"{STRONG},abc", "SHOP_WEBHOOK_SECRET is shorter than 32 bytes"),
        ("please-change-me-please-change-me-please", "SHOP_WEBHOOK_SECRET is a sample"),
        (" ", "SHOP_WEBHOOK_SECRET is given, but empty"),
    ],
)
def test_weak_secret_of_a_new_sender_stops_the_start_in_production(secret, reason):
    with pytest.raises(BadSettings, match=reason):
        checked({"DEMO": "0", **GOOD, "SHOP_WEBHOOK_SECRET": secret}, WithShop)


def test_sender_that_is_declared_receives_prepares_and_acts_once(data_dir, monkeypatch, effects):
    acted = []
    sold(effects, acted)
    added = sender(effects, prepare={"sold": lambda payload: payload["id"].upper()})
    app = start(data_dir, monkeypatch, added, SHOP_WEBHOOK_SECRET="one, two")
    app.add_url_rule("/api/webhooks/shop", "shop", added.receive, methods=["POST"])
    body = b'{"id": "s-1", "type": "sold"}'

    answers = [
        app.test_client().post("/api/webhooks/shop", data=body, headers={"X-Shop-Signature": sign(body, secret)})
        for secret in ("two", "one", "three")
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert answers[2].headers["WWW-Authenticate"] == 'X-Shop-Signature realm="webhooks"'
    assert acted == [("s-1", "S-1")]


def test_demo_signs_for_a_new_sender_too_and_production_never(data_dir):
    assert settings_for(data_dir).webhook_secrets["github"] == ["github-demo-for-everyone-to-see"]
    assert WithShop.from_environment({}).webhook_secrets["shop"] == ["shop-demo-for-everyone-to-see"]
    assert WithShop.from_environment({"DEMO": "0", **GOOD}).webhook_secrets == {"stripe": [], "github": [], "shop": []}
