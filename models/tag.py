"""Tags: the words that posts are found under."""

from collections.abc import Iterable

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, Numbered, db, pairs
from models.text import slugify

post_tag = pairs("post", "tag")


class Tag(Numbered, Model):
    """A word that posts are found under."""

    name: Mapped[str] = mapped_column(String(40), unique=True)

    @classmethod
    def named(cls, names: Iterable[str]) -> list["Tag"]:
        """Return the tags of these names, in order; new ones are made."""
        slugs = (slugify(name, otherwise="")[:40].rstrip("-") for name in names)
        wanted = list(dict.fromkeys(slug for slug in slugs if slug))
        known = {tag.name: tag for tag in db.session.scalars(select(cls).where(cls.name.in_(wanted)))}
        return [known.get(name) or cls(name=name) for name in wanted]
