"""The writers' forms: draft, edit, publish, schedule, delete.

Every one changes a list somewhere, and most the post's own page: the post knows its tags.
"""

from zoneinfo import ZoneInfo

from pydantic import Field

from actions.fields import OnePost
from flask_revalidation import revalidate_tag
from flask_server_actions import Form, Result, action, conflict, invalid, redirect, success
from models import Post, User, now
from web.auth import writers
from web.fields import Alt, Markdown, Moment, OptionalSlug, RowId, Title
from web.prepare import render


class NewPost(Form):
    """A title is enough to begin with."""

    title: Title
    body: Markdown = Field("", title="Text")
    slug: OptionalSlug = Field(None, title="Address")


class EditedPost(NewPost):
    """The words of a post, and the version that the writer had before them."""

    post_id: RowId
    version: RowId
    tags: str | None = Field(None, max_length=400, description="Separated by commas")
    # The name of a file that is not added yet (actions/pictures.py).
    picture: str = Field("", max_length=300, description="JPEG, PNG, WebP or GIF, up to 5 MB.")
    alt: Alt = Field("", title="What it shows", description="For those who cannot see it.")


class DeletedPost(OnePost):
    """Which post, and whether the page goes with it, as its editor does."""

    leave: bool = False


class PreviewedPost(EditedPost):
    """The words of a post as they stand, finished or not."""

    title: str = Field("", max_length=120)
    slug: str = Field("", max_length=80)


class ScheduledPost(OnePost):
    """Which post, and when."""

    zone: ZoneInfo = ZoneInfo("UTC")  # where the writer is, told by their browser
    publish_at: Moment = Field(title="Have it published at", description="Coordinated Universal Time (UTC)")


@action(allow=writers, prepare=render)
def create_post(form: NewPost, user: User, html: str) -> Result:
    """Write a new draft; the list of posts shows it."""
    if form.slug and Post.free_slug(form.slug) != form.slug:
        return invalid(slug="Another post has this address.")
    post = user.write(form.title, form.body, slug=form.slug, html=html)
    revalidate_tag("posts")
    return success(f"“{post.title}” is saved as a draft.", focus=f"row_{post.id}")


@action(allow=writers, prepare=render)
def update_post(form: EditedPost, user: User, html: str) -> Result:
    """Save the words of a post, unless someone saved other ones meanwhile."""
    post = user.find_post(form.post_id)
    if form.version != post.version:
        return conflict("Someone saved this post while you were writing.", version=post.version)
    if form.slug and (reason := post.why_not_at(form.slug)):
        return invalid(slug=reason)
    tags = form.tags.split(",") if form.tags is not None else None
    post.update(user, title=form.title, body=form.body, slug=form.slug, tags=tags, html=html)
    revalidate_tag(*post.cache_tags)
    kept = ", ".join(tag.name for tag in post.tags)
    told = f" Its tags: {kept or 'none'}." if tags and kept != form.tags else ""  # a letter may be spelt out
    return success(f"“{post.title}” is saved.{told}")


@action(allow=writers, prepare=render, writes=False)
def preview_post(form: PreviewedPost, user: User, html: str) -> Result:
    """Show how the words would look, and save nothing."""
    user.find_post(form.post_id)
    return success("This is a preview; nothing is saved yet.", reveal_once={"preview": html}, keep_form=True)


@action(allow=writers)
def publish_post(form: OnePost, user: User) -> Result:
    """The post goes live, and so does every list that shows it."""
    post = user.find_post(form.post_id)
    post.publish(user)
    revalidate_tag(*post.cache_tags)
    return success(f"“{post.title}” is live.")


@action(allow=writers)
def unpublish_post(form: OnePost, user: User) -> Result:
    """The post returns to the desk, and disappears wherever readers saw it."""
    post = user.find_post(form.post_id)
    post.unpublish(user)
    revalidate_tag(*post.cache_tags)
    return success(f"“{post.title}” is a draft again.")


@action(allow=writers)
def schedule_post(form: ScheduledPost, user: User) -> Result:
    """The post goes live by itself at a time to come."""
    post = user.find_post(form.post_id)
    if form.publish_at <= now():
        return invalid(publish_at="Please choose a time that is still to come.")
    if post.is_published:
        return conflict("This post is live already.")
    post.schedule(form.publish_at, user)
    revalidate_tag(*post.cache_tags)
    return success(f"“{post.title}” will go live on {form.publish_at.astimezone(form.zone):%-d %B %Y at %H:%M %Z}.")


@action(allow=writers)
def delete_post(form: DeletedPost, user: User) -> Result:
    """The post is gone, with its comments and likes; its page offers to bring it back."""
    post = user.find_post(form.post_id)
    post.delete()
    revalidate_tag(*post.cache_tags)
    undo = (f"Undo deleting “{post.title}”", "posts.restore_post", {"post_id": post.id})
    return redirect("/dashboard/posts" if form.leave else "", f"“{post.title}” is deleted.", undo=undo)


@action(allow=writers)
def restore_post(form: OnePost, user: User) -> Result:
    """A deleted post is where it was, with all that went with it."""
    post = user.find_post(form.post_id, deleted=True)
    post.restore(user)
    revalidate_tag(*post.cache_tags)
    return success(f"“{post.title}” is back.", focus=f"row_{post.id}")
