"""The house's switches."""

from enum import StrEnum
from typing import Self

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, db


class Switch(StrEnum):
    """What can be switched on and off: the key in forms and in the database, and the sentence for people."""

    sentence: str

    def __new__(cls, key: str, sentence: str) -> Self:
        """Make one: it is its key, and has its sentence."""
        switch = str.__new__(cls, key)
        switch._value_, switch.sentence = key, sentence
        return switch

    COMMENTS = "comments_open", "Readers may comment"
    LIKES = "likes_shown", "Likes are shown"
    CONTACT = "contact_open", "The contact form is open"
    SUPPORT = "support_invitation", "The front page invites to support us"
    AUTHORS_PUBLISH = "authors_publish", "Authors publish their own posts"
    FAIL_NEXT_SAVE = "fail_next_save", "Make the next save fail"


class Setting(Model):
    """One switch. Without a row it is on, but for the one that makes a save fail."""

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
        return db.session.merge(cls(key=switch.value, value=not cls.is_on(switch))).value
