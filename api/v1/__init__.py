"""Version 1 of the API. What it takes and answers is a contract: it may grow, and nothing in it may change."""

from flask import Response, current_app, g, jsonify, request

from api.v1 import authors, export, me, openapi, pictures, posts, tags  # noqa: F401  (they declare what is served)
from api.v1.operation import bp
from flask_revalidation import conditional_status
from web import problems
from web.headers import let_other_sites_read
from web.rate_limit import add_quota


@bp.get("/openapi.json")
def document() -> Response:
    """Describe the API (OpenAPI 3.1), from the declarations that also check the requests."""
    return jsonify(openapi.document(current_app.config["SITE"]))


@bp.after_app_request
def finish(response: Response) -> Response:
    """Give every answer its quota, and those made for one key their ETag; addresses that are none have answers too."""
    if not request.path.startswith(f"{bp.url_prefix}/"):
        return response
    if response.status_code == 200 and request.method in ("GET", "HEAD") and g.get("api_key"):
        response.headers["Cache-Control"] = "private, no-cache"
        if not response.is_streamed:
            response.add_etag()
            response.status_code = conditional_status(response)
    if response.status_code == 412 and request.method in ("GET", "HEAD"):
        response.close()
        response = problems.refuse(412)  # what did not match If-Match is not what was asked for
    response.vary.add("Authorization")
    if response.status_code == 204 or request.method == "OPTIONS":
        response.headers.remove("Content-Type")
    response.headers.setdefault("Cache-Control", "no-store")
    # JSON is no page: whoever opens it in a browser gets nothing that runs.
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; sandbox"
    return let_other_sites_read(add_quota(response))
