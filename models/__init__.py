"""The nouns of the publication and their verbs. They know no request and no page; every door calls the same verbs."""

from models import billing, release  # noqa: F401  (they declare what events do)
from models.api_key import ApiKey, Scope
from models.comment import Comment
from models.database import db, now
from models.delivery import Delivery, DeliveryStatus
from models.errors import NotFound
from models.idempotency import IdempotencyKey
from models.like import Like
from models.member import Member, Payment, Subscription
from models.message import Message
from models.post import Post
from models.post_filter import PostFilter
from models.publication import PostStatus
from models.session import UserSession
from models.setting import Setting
from models.tag import Tag
from models.user import Role, User

__all__ = [
    "ApiKey",
    "Comment",
    "Delivery",
    "DeliveryStatus",
    "IdempotencyKey",
    "Like",
    "Member",
    "Message",
    "NotFound",
    "Payment",
    "Post",
    "PostFilter",
    "PostStatus",
    "Role",
    "Scope",
    "Setting",
    "Subscription",
    "Tag",
    "User",
    "UserSession",
    "db",
    "now",
]
