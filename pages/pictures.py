"""Pictures of posts, for everyone and for ever: an address names the bytes. Nothing here looks at who is asking."""

from io import BytesIO

from flask import Blueprint, Response, request, send_file

from models import Picture
from models.database import found

bp = Blueprint("pictures", __name__)


@bp.get("/pictures/<string(length=64):digest>.<any(jpeg,png,webp):file_type>")
def show(digest: str, file_type: str) -> Response:
    """Show one. A draft's are found by whoever knows the address, which nobody guesses."""
    picture = found(next(iter(Picture.named_in(request.path)), None))
    response = send_file(BytesIO(picture.content), f"image/{file_type}", etag=digest, max_age=365 * 24 * 3600)
    response.cache_control.immutable = True
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # for readers of feeds on the web
    return response
