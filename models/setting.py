"""The house's switches."""

from enum import StrEnum

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, db


class Switch(StrEnum):
    """What can be switched on and off. The value is the key in forms and in the database."""

    COMMENTS = "comments_open"
    LIKES = "likes_shown"
    CONTACT = "contact_open"
    SUPPORT = "support_invitation"
    AUTHORS_PUBLISH = "authors_publish"
    FAIL_NEXT_SAVE = "fail_next_save"


class Setting(Model):
    """One switch. Without a row it is on, but for the one that makes a save fail."""

    __tablename__ = "setting"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[bool]

    @classmethod
    def is_on(cls, switch: Switch) -> bool:
        """Say where a switch stands."""
        row = db.session.get(cls, switch.value)
        return row.value if row else switch is not Switch.FAIL_NEXT_SAVE

    @classmethod
    def toggle(cls, switch: Switch) -> bool:
        """Turn a switch the other way, and return where it now stands."""
        value = not cls.is_on(switch)
        db.session.merge(cls(key=switch.value, value=value))
        return value


SENTENCES = {
    Switch.COMMENTS: "Readers may comment",
    Switch.LIKES: "Likes are shown",
    Switch.CONTACT: "The contact form is open",
    Switch.SUPPORT: "The front page invites to support us",
    Switch.AUTHORS_PUBLISH: "Authors publish their own posts",
    Switch.FAIL_NEXT_SAVE: "Make the next save fail",
}
