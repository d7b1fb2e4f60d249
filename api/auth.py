"""Who is asking, and who may: keys and scopes. A key is sent in the Authorization header, and nowhere else."""

from blinker import Signal
from flask import g, request

from models import ApiKey, Scope, User
from web.gate import network
from web.problems import Problem
from web.rate_limit import count_request

checked = Signal()  # sent with what a caller has shown of itself, and whether it has `passed`; for whoever watches
_MISPLACED = {"api_key", "apikey", "key", "access_token", "token"}  # query parameters that look like a credential


def authorise(needs: Scope | None, *, anyone: bool) -> None:
    """Authenticate the key, or raise Problem: 401 for no key or a bad one, 403 for the wrong scope, 429 over the quota.

    Everyone is counted first, by key or by address, so that guessing keys has a quota too.
    """
    if misplaced := sorted(_MISPLACED & request.args.keys()):
        count_request(f"address:{network()}")
        raise _unauthorised(f"A key in the address ends up in logs; `{misplaced[0]}` is not read.")
    key = g.api_key = ApiKey.authenticate(bearer().strip())
    checked.send("key", passed=key is not None, key=key)
    count_request(key.bucket if key else f"address:{network()}")
    if key:
        _require_scope(key, needs)
    elif bearer():
        raise _unauthorised("This key is not valid: unknown, misspelt or revoked.")
    elif "Authorization" in request.headers or not anyone:
        raise _unauthorised("Please send a key.")


def caller() -> User | None:
    """Return the person behind the key, as it was authenticated when the request came in."""
    return g.api_key.user if g.api_key else None


def authorise_again(needs: Scope | None) -> ApiKey:
    """Return the key as the running write transaction sees it: one revoked a moment ago writes nothing."""
    key = ApiKey.authenticate(bearer().strip())
    if key is None:
        raise _unauthorised("This key has been revoked.")
    _require_scope(key, needs)
    return key


def require_writer(user: User) -> None:
    """Raise Problem (403) for someone who does not write here any more."""
    if not user.is_writer:
        raise Problem("forbidden", "The person behind the key does not write here.")


def bearer() -> str:
    """Return what came as `Authorization: Bearer …` (RFC 6750, section 2.1), or an empty string."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text if scheme.lower() == "bearer" else ""


def _unauthorised(detail: str) -> Problem:
    error = ', error="invalid_token"' if "Authorization" in request.headers else ""
    return Problem("key-needed", detail, headers={"WWW-Authenticate": f'Bearer realm="api"{error}'})


def _require_scope(key: ApiKey, needs: Scope | None) -> None:
    if needs and needs not in key.scopes.split():
        challenge = f'Bearer realm="api", error="insufficient_scope", scope="{needs}"'
        raise Problem("scope-missing", f"This needs the scope {needs}.", headers={"WWW-Authenticate": challenge})
