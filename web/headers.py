"""The headers of every response. No inline script or style anywhere, so the policy needs no exception."""

import tomllib
from pathlib import Path

from flask import Flask, Response, request

HEADERS: dict[str, str] = tomllib.loads(Path(__file__).with_name("headers.toml").read_text(encoding="utf-8"))
POLICY = HEADERS["Content-Security-Policy"]
# For a page whose plain form may be answered by a redirect to Stripe: browsers hold that against `form-action` too.
CHECKOUT_POLICY = POLICY.replace("form-action 'self'", "form-action 'self' https://checkout.stripe.com")
PORTAL_POLICY = CHECKOUT_POLICY.replace("checkout", "billing")


def add_security_headers(app: Flask, *, https: bool) -> None:
    """Put the headers on every response of `app`, errors and static files included; a view's own come first."""
    headers = HEADERS | ({"Strict-Transport-Security": "max-age=31536000; includeSubDomains"} if https else {})

    @app.after_request
    def secure(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response


def let_other_sites_read(response: Response) -> Response:
    """Open a response to pages of other sites (https://fetch.spec.whatwg.org/#http-cors-protocol): without cookies."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "ETag, Link, RateLimit, RateLimit-Policy, Retry-After"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, HEAD"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, If-None-Match"
        response.headers["Access-Control-Max-Age"] = "600"
    return response
