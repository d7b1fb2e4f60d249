"""The environment is checked before anything starts."""

import pytest
from conftest import checked

from demo.keys import DEMO_STRIPE_SECRET
from settings import BadSettings, Settings

STRONG = "kX9vQ2mP7rT4wY8zB3nC6fH1jL5sD0gA"
GOOD = {"SECRET_KEY": STRONG, "PUBLIC_URL": "https://hallway.example", "TRUSTED_HOSTS": "hallway.example"}
GOOD |= {"TRUSTED_PROXIES": "1"}
EMPTIED = ("GITHUB_WEBHOOK_SECRET", "CRON_SECRET", "TRUSTED_HOSTS", "SECRET_KEY_FALLBACKS")


def test_demo_needs_nothing():
    settings = Settings.from_environment({})

    assert settings.demo
    assert settings.hosts == ["127.0.0.1", "localhost"]


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "PUBLIC_URL", "STRIPE_PRICE_ID", "CRON_SECRET"])
def test_any_production_setting_turns_the_demo_off(name):
    with pytest.raises(BadSettings, match="TRUSTED_HOSTS is not set"):
        checked({name: STRONG})


def test_demo_can_be_kept_with_a_secret_and_left_without_one():
    assert checked({"DEMO": "1", "SECRET_KEY": "short"}).demo
    with pytest.raises(BadSettings, match="SECRET_KEY is not set"):
        checked({"DEMO": "0"})


def test_good_production_settings_start():
    settings = checked(GOOD)

    assert not settings.demo
    assert settings.secure


BAD = [
    ({"SECRET_KEY": ""}, "SECRET_KEY is not set"),
    ({"SECRET_KEY": "short"}, "SECRET_KEY is shorter than 32 bytes"),
    ({"SECRET_KEY": "a" * 40}, "SECRET_KEY is a sample"),
    ({"SECRET_KEY": "please-change-me-please-change-me-please"}, "SECRET_KEY is a sample"),
    ({"SECRET_KEY_FALLBACKS": f"{STRONG},weak"}, "SECRET_KEY_FALLBACKS is shorter"),
    ({"TRUSTED_HOSTS": ""}, "TRUSTED_HOSTS is not set"),
    ({"TRUSTED_HOSTS": "hallway.example,."}, "TRUSTED_HOSTS"),
    ({"TRUSTED_HOSTS": "hallway.example,*"}, "TRUSTED_HOSTS"),
    ({"TRUSTED_HOSTS": "hallway.example,*.hallway.example"}, "TRUSTED_HOSTS"),
    ({"TRUSTED_HOSTS": "hallway.example,https://hallway.example"}, "TRUSTED_HOSTS"),
    ({"TRUSTED_HOSTS": "hallway.example other.example"}, "TRUSTED_HOSTS"),
    ({"TRUSTED_HOSTS": "hallway.example,other.example:443"}, "TRUSTED_HOSTS"),
    ({"PUBLIC_URL": ""}, "PUBLIC_URL is not set"),
    ({"PUBLIC_URL": "https://hallway.example/"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "https://hallway.example/blog"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "hallway.example"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "ftp://hallway.example"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "https://Hallway.Example"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "https://me@hallway.example"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "https://hallway.example:x"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "http://hallway.example"}, "PUBLIC_URL is plain http"),
    ({"PUBLIC_URL": "https://other.example"}, "not among TRUSTED_HOSTS"),
    ({"PUBLIC_URL": "https://hallway.example:443"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "https://hallway.example:0443"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "https://[::1]"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "https://[::::]"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "https://hallway..example"}, "PUBLIC_URL is not an origin"),
    ({"TRUSTED_HOSTS": "hallway.example,[::1]"}, "TRUSTED_HOSTS: "),
    ({"TRUSTED_HOSTS": "hallway.example,other..example"}, "TRUSTED_HOSTS: "),
    ({"TRUSTED_HOSTS": f"hallway.example,{'a' * 64}.example"}, "TRUSTED_HOSTS: "),
    ({"PUBLIC_URL": "https://hallway.example:0"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "https://hallway.example:٤"}, "PUBLIC_URL is not an origin"),
    ({"SECRET_KEY": "0123456789" * 4}, "SECRET_KEY is a sample"),
    ({"CRON_SECRET": f"{STRONG[:16]}" * 3}, "CRON_SECRET is a sample"),
    *(({name: space}, f"{name} is given, but empty") for name in EMPTIED for space in (" ", "\n", "\u00a0", ", ,\n")),
    ({"PUBLIC_URL": "http://localhost:80"}, "PUBLIC_URL is not an origin"),
    ({"PUBLIC_URL": "https://hallway.example?a"}, "PUBLIC_URL is not an origin"),
    ({"TRUSTED_PROXIES": "0"}, "TRUSTED_PROXIES is 0"),
    ({"STRIPE_SECRET_KEY": f"whsec_{STRONG}"}, "STRIPE_SECRET_KEY: "),
    ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG is on"),
    ({"STRIPE_WEBHOOK_SECRET": DEMO_STRIPE_SECRET}, "STRIPE_WEBHOOK_SECRET is shorter"),
    ({"STRIPE_WEBHOOK_SECRET": f"whsec_{STRONG},whsec_{'a' * 40}"}, "STRIPE_WEBHOOK_SECRET is a sample"),
    ({"PORT": "http"}, "PORT"),
    ({"PORT": "70000"}, "PORT"),
    ({"WEB_CONCURRENCY": "0"}, "WEB_CONCURRENCY"),
    ({"DEMO": "perhaps"}, "DEMO"),
]


@pytest.mark.parametrize(("change", "reason"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_bad_production_setting_stops_the_start_by_name(change, reason):
    with pytest.raises(BadSettings, match=reason) as stopped:
        checked({"DEMO": "0", **GOOD, **change})

    assert STRONG not in str(stopped.value)


def test_secrets_are_not_repeated_in_the_refusal():
    with pytest.raises(BadSettings) as stopped:
        checked({"DEMO": "0", "SECRET_KEY": "hunter2hunter2"})

    assert "hunter2" not in str(stopped.value)


def test_demo_workers_share_one_random_key(tmp_path):
    settings = [Settings.from_environment({"DATA_DIR": str(tmp_path / "d")}) for _ in range(3)]

    assert len({s.signing_key() for s in settings}) == 1
    assert len(settings[0].signing_key()) >= 40
    assert (tmp_path / "d/demo-secret").stat().st_mode & 0o077 == 0


def test_https_site_has_host_cookies_and_hsts(make_app):
    browser = make_app(**GOOD).test_client()
    headers = {"Origin": "https://hallway.example", "Sec-Fetch-Site": "same-origin"}
    person = {"email": "ada@hallway.example", "password": "open-the-door"}

    answer = browser.post(
        "/_actions/accounts.sign_in", base_url="https://hallway.example", data=person, headers=headers
    )

    cookies = answer.headers.getlist("Set-Cookie")
    assert answer.status_code == 303
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-session", "__Host-flash", "__Host-device"}
    for cookie in cookies:
        assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
        assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_answer_that_is_made_last_carries_the_security_headers_too(visitor):
    answer = visitor.get("/api/v1/authors", headers={"If-Match": '"another"'})

    assert answer.status_code == 412
    assert (answer.headers["X-Content-Type-Options"], answer.headers["X-Frame-Options"]) == ("nosniff", "DENY")


def test_every_response_carries_the_security_headers(visitor, ada):
    answers = [visitor.get(path) for path in ("/", "/blog", "/nowhere", "/static/js/page.js", "/healthz", "/dashboard")]
    answers += [ada.get("/dashboard"), ada.act("posts.create_post", title="x"), visitor.post("/_actions/x")]

    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        answer.close()


def test_line_end_behind_a_secret_is_none_of_it():
    settings = checked(GOOD | {"SECRET_KEY": f"{STRONG}\n", "CRON_SECRET": f" {STRONG} ", "DEMO": "0"})

    assert (settings.secret_key, settings.cron_secret) == (STRONG, STRONG)
    assert STRONG not in repr(settings)
