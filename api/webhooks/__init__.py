"""Events that others push to us. POST only; no cookie, no same-origin check: the signature is the credential.

The order never changes: size and encoding, a strict look at the signature, the signature over the raw bytes, and only
then parsing; then the inbox. A wrong signature is 401 and says nothing more, a signed body that is of no use is 400.
"""

from flask import Blueprint
from flask.blueprints import BlueprintSetupState

from api.webhooks import github, stripe

SENDERS = [stripe.SENDER, github.SENDER]

bp = Blueprint("webhooks", __name__, url_prefix="/api/webhooks")
for sender in SENDERS:
    # Without automatic OPTIONS: whatever is not POST is a 405 with `Allow`.
    bp.add_url_rule(f"/{sender.name}", sender.name, sender.receive, methods=["POST"], provide_automatic_options=False)


@bp.record
def require_complete(state: BlueprintSetupState) -> None:
    """Stop the start where a sender has no secret or no effect."""
    for sender in SENDERS:
        sender.require_complete(state.app.config["WEBHOOK_SECRETS"])
