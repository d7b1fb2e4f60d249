"""Every environment variable that the application reads: typed, documented, and checked before anything starts.

Demo mode needs none of them. Any variable of production turns the demo off, even an empty one, unless DEMO=1 is said;
and then a missing or weak one stops the start. What the database says of itself is asked as well: `demo/marker.py`.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from sqlalchemy import URL, make_url

from demo.keys import secret_of, shared_key

_SAMPLES = ("change", "secret", "example", "sample", "password", "default", "your-")
# Each other one is a variable of production.
_ANYWHERE = {"host", "port", "data_dir", "web_concurrency", "demo", "xray", "labs"}
_ANYWHERE |= {"api_requests_per_minute", "flask_debug"}
_MAKE_ONE = "make one with `python3 -c 'import secrets; print(secrets.token_urlsafe(32))'`"
# As a browser writes it: lower case, and no port that goes without saying. Werkzeug trusts no IPv6 address as a host.
_ORIGIN = re.compile(r"(?!http:.*:80$|https:.*:443$)https?://[a-z0-9-]+(\.[a-z0-9-]+)*(:[1-9][0-9]{0,4})?")


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Hidden(str):
    """Text that its `repr` does not tell, nor that of what holds it: settings, configuration, lists."""

    def __repr__(self) -> str:
        return "Hidden()"


Secret = Annotated[str, AfterValidator(lambda text: Hidden(text.strip()))]
Secrets = Annotated[list[Secret], BeforeValidator(_split)]
# As shells and servers read them too: `8_000`, `+1` and ` 5.0` are no numbers.
Number = Annotated[int, BeforeValidator(lambda it: it if str(it).isascii() and str(it).isdecimal() else None)]
# Names or addresses, or with a dot in front all below a name: a dot alone would trust every name that ends in one.
Hosts = Annotated[list[Annotated[str, Field(pattern=r"^\.?\w[\w-]{0,62}(\.\w[\w-]{0,62})*$")]], BeforeValidator(_split)]


class BadSettings(SystemExit):
    """The application may not start; the message names each variable and says why."""

    def __init__(self, problems: Iterable[str]) -> None:
        super().__init__("\n  ".join(["These settings stop the start:", *problems]))


class Settings(BaseModel):
    """The environment, as the application sees it."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, frozen=True)

    host: str = Field("127.0.0.1", description="The address `bin/serve` listens at; a container needs 0.0.0.0.")
    port: Number = Field(8000, ge=1, le=65535, description="Where `bin/serve` listens.")
    data_dir: Path = Field(Path("data"), description="Where the SQLite database and its lock files are.")
    web_concurrency: Number = Field(2, ge=1, le=64, description="How many worker processes gunicorn starts.")
    demo: bool = Field(True, description="Demo mode: `1` or `0`. Unset, on where no variable of production is given.")
    xray: bool | None = Field(None, description="The X-ray, which shows the site from inside; unset, on in a demo.")
    labs: bool | None = Field(None, description="The labs, where one tries things out; unset, on in a demo.")
    secret_key: Secret = Field("", description="Signs the cookie of a message over a redirect; 32 bytes or more.")
    secret_key_fallbacks: Secrets = Field([], description="Earlier secret keys, while they are being replaced.")
    database_url: Secret = Field("", description="SQLAlchemy URL of the database; by default SQLite in `DATA_DIR`.")
    public_url: str = Field("", description="The site's own origin, `https://host[:port]`; other forms are refused.")
    trusted_hosts: Hosts = Field([], description="Host names the site answers to, separated by commas.")
    trusted_proxies: Number = Field(0, ge=0, le=10, description="How many proxies stand in front, each adding a hop.")
    stripe_secret_key: Secret = Field("", pattern="^[sr]k_", description="Stripe's API key, `sk_…` or `rk_…`.")
    stripe_price_id: str = Field("", description="The price of a membership, `price_…`; needed with Stripe's API key.")
    stripe_webhook_secret: Secrets = Field([], description="Stripe's signing secrets, `whsec_…`; or both in rotation.")
    github_webhook_secret: Secrets = Field([], description="GitHub's webhook secrets; several while rotating.")
    cron_secret: Secret = Field("", description="The bearer secret of the scheduler's door.")
    api_requests_per_minute: Number = Field(600, ge=1, le=1_000_000, description="The quota of `/api/v1`, of each key.")
    flask_debug: bool = Field(False, description="Flask's debugger: in demo mode only.")

    _empty: list[str] = []  # what is given without a value

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the environment. Raises BadSettings for what has no type; `problems` has the rest."""
        told = {k.lower(): v for k, v in environment.items() if k.lower() in cls.model_fields}
        given = {"demo": "0" if told.keys() - _ANYWHERE else "1"}
        given |= {name: value for name, value in told.items() if value.replace(",", "").strip() or name == "demo"}
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            raise BadSettings(f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()) from None
        settings._empty = sorted(told.keys() - given.keys() - _ANYWHERE)
        return settings

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each thing that stops the start, with the variable's name."""
        shut = [name for name in self._empty if not self.demo or name.endswith("_secret")]
        yield from (f"{name.upper()} is given, but empty: give it a value, or leave it out." for name in shut)
        if not all(re.fullmatch(r"whsec_[!-~]{8,}", secret) for secret in self.stripe_webhook_secret):
            yield "STRIPE_WEBHOOK_SECRET is not a signing secret: it begins with `whsec_`, without spaces."
        if self.public_url and not _ORIGIN.fullmatch(self.public_url):
            yield "PUBLIC_URL is not an origin: scheme, host and perhaps a port, as a browser writes them."
        elif self.public_url and urlsplit(self.public_url).hostname not in self.hosts:
            yield "PUBLIC_URL names a host that is not among TRUSTED_HOSTS."
        if self.demo and "_live_" in self.stripe_secret_key:
            yield "STRIPE_SECRET_KEY is live, and DEMO=1 lets anyone be the owner: take out one of the two."
        if not self.demo:
            yield from self._production_problems()

    def _production_problems(self) -> Iterator[str]:
        in_the_open = re.match(r"http://(?!(localhost|127\.0\.0\.1)(:|$))", self.public_url)
        forgotten = self.stripe_secret_key and not (self.stripe_price_id and self.stripe_webhook_secret)
        found: dict[str, object] = {
            "FLASK_DEBUG is on: its console runs code for whoever finds it.": self.flask_debug,
            "XRAY is on: it shows the inside of the site to whoever asks. Leave it out, or write 0.": self.xray,
            "LABS is on: its buttons are attacks, for everyone to press. Leave it out, or write 0.": self.labs,
            "SECRET_KEY is not set: anyone could forge what the site signs.": not self.secret_key,
            "TRUSTED_HOSTS is not set: any Host header would be believed.": not self.trusted_hosts,
            "PUBLIC_URL is not set: the site cannot tell its own forms from foreign ones.": not self.public_url,
            "PUBLIC_URL is plain http: sessions would travel in the open.": in_the_open,
            "STRIPE_SECRET_KEY needs STRIPE_PRICE_ID and STRIPE_WEBHOOK_SECRET, or who pays is no member.": forgotten,
        }
        yield from (sentence for sentence, is_so in found.items() if is_so)
        if self.secure and not self.trusted_proxies:
            yield "TRUSTED_PROXIES is 0, but https ends at a proxy: write 1 (or how many), else all visitors are one."
        yield from self._weak_keys()

    def _weak_keys(self) -> Iterator[str]:
        for name, value in self:
            keys = (value if isinstance(value, list) else [value]) if re.search("^secret_|_secret$", name) else []
            for key in filter(None, keys):
                if len(key.encode()) < 32:
                    yield f"{name.upper()} is shorter than 32 bytes: it can be guessed."
                elif len(set(key)) < 10 or key in (key * 2)[1:-1] or any(sample in key.lower() for sample in _SAMPLES):
                    yield f"{name.upper()} is a sample, not a secret: {_MAKE_ONE}."

    @property
    def secure(self) -> bool:
        """Whether the site is reached by https: then cookies are Secure and `__Host-`."""
        return self.public_url.startswith("https://")

    @property
    def hosts(self) -> list[str]:
        """The host names to answer to."""
        return self.trusted_hosts or sorted({"127.0.0.1", "localhost", urlsplit(self.site).hostname or ""})

    @property
    def site(self) -> str:
        """The origin that links in feeds and in the API begin with. Never taken from a request."""
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @property
    def webhook_secrets(self) -> dict[str, list[str]]:
        """What each sender of webhooks may have signed with; in demo mode the demo signs."""
        senders = {name.partition("_")[0]: keys for name, keys in self if name.endswith("_webhook_secret")}
        return {name: keys or ([secret_of(name)] if self.demo else []) for name, keys in senders.items()}

    @property
    def database(self) -> URL:
        """The SQLAlchemy URL of the database."""
        if self.database_url:
            return make_url(re.sub(r"^postgres(ql)?(\+\w+)?:", "postgresql+psycopg:", self.database_url))
        return URL.create("sqlite", database=str(self.data_dir.resolve() / "hallway.db"))

    def signing_key(self) -> str:
        """Return SECRET_KEY, or in demo mode a random one that all workers share through `DATA_DIR`."""
        return Hidden(self.secret_key or shared_key(self.data_dir))
