"""Every environment variable that the application reads: typed, documented, and checked before anything starts.

Demo mode needs none of them. Any production setting turns the demo off, and then a missing or weak one stops the start.
"""

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import URL, make_url

_SAMPLES = ("change", "secret", "example", "sample", "password", "default", "your-")
_LOCAL = ["127.0.0.1", "localhost"]
_WEBHOOK = "_webhook_secret"  # how the setting of each sender of webhooks ends
DEMO_STRIPE_SECRET = "whsec_demo_for_everyone_to_see"  # noqa: S105  (what the demo signs with is no secret)
DEMO_GITHUB_SECRET = "github-demo-for-everyone-to-see"  # noqa: S105
DEMO_CRON_SECRET = "cron-demo-for-everyone-to-see"  # noqa: S105


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


CommaSeparated = Annotated[list[str], BeforeValidator(_split)]


class BadSettings(SystemExit):
    """The application may not start; the message names each variable and says why."""


class Settings(BaseModel):
    """The environment, as the application sees it."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, frozen=True)

    host: str = Field("127.0.0.1", description="The address `bin/serve` listens at; a container needs 0.0.0.0.")
    port: int = Field(8000, ge=1, le=65535, description="Where `bin/serve` listens.")
    data_dir: Path = Field(Path("data"), description="Where the SQLite database and its lock files are.")
    web_concurrency: int = Field(2, ge=1, le=64, description="How many worker processes gunicorn starts.")
    demo: bool = Field(True, description="Demo mode: `1` or `0`. Unset, on unless a production variable is given.")
    secret_key: str = Field(
        "", description="Signs the cookie that carries a message over a redirect; 32 bytes or more."
    )
    secret_key_fallbacks: CommaSeparated = Field([], description="Earlier secret keys, while they are being replaced.")
    database_url: str = Field("", description="SQLAlchemy URL of the database; by default SQLite in `DATA_DIR`.")
    public_url: str = Field("", description="The site's own origin, `https://host[:port]`; other forms are refused.")
    trusted_hosts: CommaSeparated = Field([], description="Host names the site answers to, separated by commas.")
    trusted_proxies: int = Field(0, ge=0, le=10, description="How many proxies stand in front, each adding a hop.")
    stripe_secret_key: str = Field("", description="Stripe's API key. Given, it turns demo mode off.")
    stripe_price_id: str = Field("", description="The price of a membership, `price_…`; needed with Stripe's API key.")
    stripe_webhook_secret: CommaSeparated = Field(
        [], description="Signing secrets of Stripe's webhook endpoint, `whsec_…`; several while rotating."
    )
    github_webhook_secret: CommaSeparated = Field([], description="GitHub's webhook secrets; several while rotating.")
    cron_secret: str = Field("", description="The bearer secret of the scheduler's door.")
    api_requests_per_minute: int = Field(
        600, ge=1, le=1_000_000, description="The quota of `/api/v1`: for each key, and for each address without one."
    )
    flask_debug: str = Field("", description="Flask's debugger: in demo mode only.")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read and check the environment. Raises BadSettings."""
        source = {k.lower(): v for k, v in (os.environ if environment is None else environment).items()}
        shared = [name for name in cls.model_fields if name.endswith(_WEBHOOK) or name == "cron_secret"]
        if empty := [name.upper() for name in shared if name in source and not source[name].strip(" ,\t")]:
            raise BadSettings(f"These are given, but empty; a door without a key stays shut: {', '.join(empty)}")
        given = {name: value for name, value in source.items() if value != ""}
        if "demo" not in given:
            given["demo"] = "0" if given.keys() & {"secret_key", "database_url", "stripe_secret_key"} else "1"
        try:
            return cls.model_validate({k: v for k, v in given.items() if k in cls.model_fields})
        except ValidationError as error:
            lines = [_sentence(str(e["loc"][0]) if e["loc"] else "", e["msg"]) for e in error.errors()]
            raise BadSettings("\n".join(["These settings stop the start:", *lines])) from None

    @model_validator(mode="after")
    def _webhook_secrets_are_secrets(self) -> Self:
        if not all(re.fullmatch(r"whsec_[!-~]{8,}", secret) for secret in self.stripe_webhook_secret):
            raise ValueError("STRIPE_WEBHOOK_SECRET is not a signing secret: it begins with `whsec_`, without spaces.")
        return self

    @model_validator(mode="after")
    def _production_is_strict(self) -> Self:
        problems = [] if self.demo else list(self._problems())
        if problems:
            raise ValueError("\n  ".join(problems))
        return self

    def _problems(self) -> list[str]:
        url, found = urlsplit(_origin(self.public_url)), []
        if self.flask_debug not in ("", "0", "false"):
            found.append("FLASK_DEBUG is on: its console runs code for whoever finds it.")
        found += [f"{name} is {why}" for name, key in self._keys() if (why := _weakness(key))]
        if not self.trusted_hosts:
            found.append("TRUSTED_HOSTS is not set: any Host header would be believed.")
        if not self.public_url:
            found.append("PUBLIC_URL is not set: the site cannot tell its own forms from foreign ones.")
        elif _origin(self.public_url) != self.public_url:
            found.append("PUBLIC_URL is not an origin: scheme, host and perhaps a port, as a browser writes them.")
        elif url.scheme == "http" and url.hostname not in _LOCAL:
            found.append("PUBLIC_URL is plain http: sessions would travel in the open.")
        elif url.hostname not in self.trusted_hosts:
            found.append("PUBLIC_URL names a host that is not among TRUSTED_HOSTS.")
        if self.stripe_secret_key and not (self.stripe_price_id and self.stripe_webhook_secret):
            found.append("STRIPE_SECRET_KEY needs STRIPE_PRICE_ID and STRIPE_WEBHOOK_SECRET, or who pays is no member.")
        return found

    def _keys(self) -> list[tuple[str, str]]:
        given = [("CRON_SECRET", self.cron_secret)] if self.cron_secret else []
        given += [(f"{name}{_WEBHOOK}".upper(), key) for name, keys in self._senders.items() for key in keys]
        given += [("SECRET_KEY_FALLBACKS", key) for key in self.secret_key_fallbacks]
        return [("SECRET_KEY", self.secret_key), *given]

    @property
    def secure(self) -> bool:
        """Whether the site is reached by https: then cookies are Secure and `__Host-`."""
        return self.public_url.startswith("https://")

    @property
    def hosts(self) -> list[str]:
        """The host names to answer to."""
        return self.trusted_hosts or _LOCAL

    @property
    def site(self) -> str:
        """The origin that links in feeds and in the API begin with. Never taken from a request."""
        return self.public_url or f"http://{_LOCAL[0]}:{self.port}"

    @property
    def webhook_secrets(self) -> dict[str, list[str]]:
        """What each sender of webhooks may have signed with; in demo mode the demo signs."""
        return {name: keys or ([_demo_secret(name)] if self.demo else []) for name, keys in self._senders.items()}

    @property
    def _senders(self) -> dict[str, list[str]]:
        fields = [name for name in type(self).model_fields if name.endswith(_WEBHOOK)]
        return {name.removesuffix(_WEBHOOK): getattr(self, name) for name in fields}

    @property
    def cron_secret_or_demo(self) -> str:
        """What the scheduler presents; empty, nobody is let in."""
        return self.cron_secret or (DEMO_CRON_SECRET if self.demo else "")

    @property
    def database(self) -> URL:
        """The SQLAlchemy URL of the database."""
        if self.database_url:
            url = make_url(self.database_url)
            return url.set(drivername="postgresql+psycopg") if url.drivername.startswith("postgres") else url
        return URL.create("sqlite", database=str(self.data_dir.resolve() / "hallway.db"))

    def signing_key(self) -> str:
        """Return SECRET_KEY, or in demo mode a random one that all workers share through `DATA_DIR`."""
        if self.secret_key:
            return self.secret_key
        path = self.data_dir / "demo-secret"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"demo-secret.{os.getpid()}.{secrets.token_hex(4)}")
        if not path.exists():
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(32))
            with suppress(FileExistsError):
                os.link(draft, path)  # whoever is first decides; nobody reads half a key
            draft.unlink()
        return path.read_text()


def _origin(text: str) -> str:
    """Return the origin in `text` as a browser would send it: lower case, and no port that goes without saying."""
    try:
        url = urlsplit(text)
        port = "" if url.port in (None, {"http": 80, "https": 443}.get(url.scheme)) else f":{url.port}"
    except ValueError:
        return ""
    return f"{url.scheme}://{url.hostname}{port}" if url.scheme in ("http", "https") and url.hostname else ""


def _demo_secret(sender: str) -> str:
    return {"stripe": DEMO_STRIPE_SECRET}.get(sender, f"{sender}-demo-for-everyone-to-see")


def _weakness(key: str) -> str:
    if not key:
        return "not set: anyone could forge what the site signs."
    if len(key.encode()) < 32:
        return "shorter than 32 bytes: it can be guessed."
    if len(set(key)) < 10 or any(sample in key.lower() for sample in _SAMPLES):
        return "a sample, not a secret: make one with `python3 -c 'import secrets; print(secrets.token_urlsafe(32))'`."
    return ""


def _sentence(name: str, message: str) -> str:
    return f"  {name.upper()}: {message}" if name else f"  {message.removeprefix('Value error, ')}"
