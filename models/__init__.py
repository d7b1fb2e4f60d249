"""The nouns of the publication and their verbs. They know no request and no page; every door calls the same verbs."""

from models import billing, release  # noqa: F401  (they declare what events do)
from models.api_key import ApiKey as ApiKey, Scope as Scope
from models.comment import Comment as Comment
from models.database import NotFound as NotFound, db as db, found as found, now as now
from models.delivery import Delivery as Delivery, DeliveryStatus as DeliveryStatus
from models.idempotency import IdempotencyKey as IdempotencyKey
from models.like import Like as Like
from models.member import Member as Member, Subscription as Subscription
from models.message import Message as Message
from models.payment import Payment as Payment
from models.picture import Picture as Picture
from models.post import Post as Post
from models.post_filter import PostFilter as PostFilter
from models.publication import MayNotPublish as MayNotPublish, PostStatus as PostStatus
from models.session import UserSession as UserSession
from models.setting import Setting as Setting, Switch as Switch
from models.tag import Tag as Tag
from models.user import Role as Role, User as User
