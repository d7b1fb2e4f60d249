"""What webhooks brought, once more: the owner's button beside a delivery that failed."""

from flask_revalidation import revalidate_tag
from flask_server_actions import Form, Result, action, conflict, success
from models import Delivery, DeliveryStatus, User
from web.auth import owner
from web.fields import RowId


class OneDelivery(Form):
    """Which delivery."""

    delivery_id: RowId


@action(allow=owner)
def replay_delivery(form: OneDelivery, _user: User) -> Result:
    """Let a delivery take effect that could not before. Repeated, it does nothing twice."""
    delivery = Delivery.find(form.delivery_id)
    revalidate_tag(*delivery.replay())
    if delivery.status not in (DeliveryStatus.APPLIED, DeliveryStatus.IGNORED):
        # Returned, not raised: that it was tried again is itself a fact to be kept.
        return conflict("It failed again; the reason stands beside it.")
    return success("The delivery has been replayed.")
