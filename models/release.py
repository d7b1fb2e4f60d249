"""What GitHub's events do: a release that is published there becomes a draft here, for the owner to make a post of."""

import re
from contextlib import suppress
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from models.delivery import effect
from models.post import Post
from models.publication import PostStatus
from models.text import shortened, storable, to_html
from models.user import User

BODY_LIMIT = 90_000  # characters, of the hundred thousand that a post may have
_LINK = re.compile(r"https://[\w.-]+/[\w./%+@~-]{1,500}", re.ASCII)


Text = Annotated[str, BeforeValidator(lambda value: storable(value) if isinstance(value, str) else "")]


class Release(BaseModel):
    """https://docs.github.com/en/rest/releases/releases: what we need of it."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    id: Annotated[int, Field(ge=1, lt=2**63)]
    name: Text = ""
    tag_name: Text = ""
    body: Text = ""
    html_url: Text = ""

    @property
    def title(self) -> str:
        """The name of the release, or that of its tag."""
        named = " ".join(self.name.split()) or " ".join(self.tag_name.split())
        return shortened(named, 120) or f"Release {self.id}"

    @property
    def text(self) -> str:
        """The notes, and where they come from."""
        link = f"\n\n[The release on GitHub]({self.html_url})" if _LINK.fullmatch(self.html_url) else ""
        return self.body.rstrip()[:BODY_LIMIT] + link


def render_ahead(payload: Any) -> str | None:
    """Return the notes as HTML, for `Delivery.process` to pass on; None where there are none.

    Hostile ones take seconds (`to_html`), so this runs before the write lock is taken.
    """
    with suppress(ValidationError):
        return to_html(Release.model_validate(payload.get("release")).text)
    return None


@effect("github", "release")
def release_changed(payload: Any, html: str | None = None) -> set[str]:
    """Begin a draft when a release is published; when it is edited, a draft that nobody has touched follows.

    The delivery's id is not part of what GitHub signs, so a replay can carry a new one: the post itself is unique.
    """
    release = Release.model_validate(payload.get("release"))
    origin = f"github:release:{release.id}"
    post = Post.made_from(origin)
    if payload.get("action") == "published" and not post:
        post = User.owner().write(release.title, release.text, html=html)
        post.origin = origin
    elif payload.get("action") == "edited" and post and post.status == PostStatus.DRAFT and _untouched(post, payload):
        post.update(title=release.title, body=release.text, html=html)
    else:
        return set()
    return set(post.cache_tags)


def _untouched(post: Post, payload: Any) -> bool:
    """Say whether the draft still is what the release was before this edit."""
    before = {name: change.get("from") for name, change in (payload.get("changes") or {}).items()}
    release = Release.model_validate(payload["release"] | before)
    return post.version == 1 or (post.title, post.body) == (release.title, release.text)
