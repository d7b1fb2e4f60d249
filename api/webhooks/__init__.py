"""Events that others push to us. POST only; no cookie, no same-origin check: the signature is the credential.

The order never changes: size and encoding, a strict gate on the signature, the signature over the raw bytes, and only
then parsing; then the inbox. A wrong signature is 401 and says nothing more, a signed body that is of no use is 400.
"""

from flask import Blueprint

from api.webhooks import github, stripe

bp = Blueprint("webhooks", __name__, url_prefix="/api/webhooks")
for sender in (stripe, github):
    # Without automatic OPTIONS: whatever is not POST is a 405 with `Allow`.
    bp.add_url_rule(f"/{sender.NAME}", sender.NAME, sender.receive, methods=["POST"], provide_automatic_options=False)
