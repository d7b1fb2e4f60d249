"""Readers' forms under a post. The post's page shows the comments, the dashboard the latest of them."""

from typing import Annotated

from pydantic import Field

from actions.rate_limit import RateLimit, account
from flask_revalidation import revalidate_path, revalidate_tag
from flask_server_actions import Form, Result, action, conflict, success
from models import Comment, Post, Setting, Switch, User
from web.auth import signed_in
from web.fields import NFC, RowId, Text
from web.rate_limiter import DAY, MINUTE


class NewComment(Form):
    """What to say, and under which post."""

    post_id: RowId
    body: Annotated[Text, Field(max_length=4000, pattern=r"\S", title="Your comment"), NFC]


class OneComment(Form):
    """Which comment."""

    comment_id: RowId


@action(allow=signed_in, rate_limit=[RateLimit(20, MINUTE, by=account), RateLimit(200, DAY, by=account)])
def add_comment(form: NewComment, user: User) -> Result:
    """Say something under a post that readers can see."""
    post = Post.find_published(id=form.post_id)
    if not Setting.is_on(Switch.COMMENTS):
        return conflict("Comments are closed at the moment.")
    Comment.add(post, user, form.body)
    revalidate_path(post.path)
    revalidate_tag("comments")
    return success("Your comment is there.")


@action(allow=signed_in)
def delete_comment(form: OneComment, user: User) -> Result:
    """Remove a comment: one's own, or any as an editor."""
    comment = user.find_comment(form.comment_id)
    comment.delete()
    revalidate_tag(comment.post.path, "comments")
    return success("The comment is gone.")
