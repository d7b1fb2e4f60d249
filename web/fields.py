"""Field types that forms and the API share: what a title, a body, a slug, an address is. Each limit stands once."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo

from models.text import normal

_WORD, _ADDRESS = r"^[a-z0-9]+(-[a-z0-9]+)*$", r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
# What cannot be shown is refused: control characters, but for tabs and line ends in texts of several lines.
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_LINE = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"  # with something to see

# What is a text keeps its spaces, for four of them begin a block of code; what is a name has none around it.
Text = Annotated[str, StringConstraints(strip_whitespace=False)]
Line = Annotated[str, StringConstraints(strip_whitespace=True)]
NFC = BeforeValidator(normal)  # the last word of a type, so that its limits are those of what is kept

# Digits and nothing else: `5_0`, `+5` and ` 5.0` are none of ours, though `int` or pydantic read them as numbers.
Number = Annotated[int, BeforeValidator(lambda it: it if str(it).isascii() and str(it).isdecimal() else None)]
RowId = Annotated[Number, Field(ge=1, le=2**31 - 1)]  # SQLite overflows at 2^63, and then it is a 500
Title = Annotated[Line, Field(min_length=1, max_length=120, pattern=_LINE, examples=["The letter slot"]), NFC]
Markdown = Annotated[Text, Field(max_length=100_000, pattern=_TEXT, description="Markdown", examples=["A door"]), NFC]
Excerpt = Annotated[Text, Field(max_length=200, pattern=_TEXT, description="Empty: the beginning of the body"), NFC]
Alt = Annotated[Line, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$", examples=["A letter slot"]), NFC]
Slug = Annotated[str, Field(max_length=80, pattern=_WORD, examples=["the-letter-slot"])]
TagName = Annotated[str, Field(max_length=40, pattern=_WORD, examples=["boundaries"])]
Handle = Annotated[str, Field(max_length=40, pattern=_WORD, examples=["ada"])]
Name = Annotated[Line, Field(min_length=1, max_length=80, pattern=_LINE), NFC]
Email = Annotated[str, Field(max_length=254, pattern=_ADDRESS, json_schema_extra={"format": "email"})]


def _as_utc(value: datetime, told: ValidationInfo) -> datetime:
    # A date field of a browser carries no zone, the field `zone` before it does. There, clocks may skip an hour.
    there = value if value.tzinfo else value.replace(tzinfo=told.data.get("zone", UTC))
    if not 2000 <= value.year < 3000 or there.astimezone(UTC).astimezone(there.tzinfo) != there:
        raise ValueError("Please give a date and a time that clocks will show there.")
    return there.astimezone(UTC)


# Left empty, a form means: make one.
OptionalSlug = Annotated[Slug | None, BeforeValidator(lambda typed: str(typed or "").strip() or None)]
# A bare number would be one of seconds since 1970.
Moment = Annotated[datetime, AfterValidator(_as_utc), BeforeValidator(lambda it: it if "-" in str(it)[1:] else None)]
