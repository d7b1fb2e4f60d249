"""The nouns of the publication and their verbs. They know no request and no page; every door calls the same verbs."""

from models.comment import Comment
from models.database import db, now
from models.errors import NotFound
from models.like import Like
from models.member import Member, Payment
from models.message import Message
from models.post import Post, PostStatus, Tag
from models.session import UserSession
from models.setting import Setting
from models.throttle import Throttle
from models.user import Role, User

__all__ = [
    "Comment",
    "Like",
    "Member",
    "Message",
    "NotFound",
    "Payment",
    "Post",
    "PostStatus",
    "Role",
    "Setting",
    "Tag",
    "Throttle",
    "User",
    "UserSession",
    "db",
    "now",
]
