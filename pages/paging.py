"""Pages of a list, as links."""

from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from flask import abort, request
from pydantic import BaseModel, BeforeValidator, ValidationError

from models.bounds import Page
from models.search import LONGEST
from web.fields import RowId

Query = TypeVar("Query", bound=BaseModel)


def _searchable(typed: str) -> str | None:
    """One space between words, and nothing is no search. What is too long is cut: its beginning is found as well."""
    return " ".join(typed.split())[:LONGEST].strip() or None


Words = Annotated[str | None, BeforeValidator(_searchable)]  # `?q=`
# `?before=`: behind the row with this id the page begins; empty, it is the first.
Before = Annotated[RowId | None, BeforeValidator(lambda typed: typed or None)]


class OnlyBefore(BaseModel):
    """`?before=` alone."""

    before: Before = None


def asked(schema: type[Query]) -> Query:
    """Return the query string as the schema understands it. What makes no sense is not found."""
    try:
        return schema.model_validate({name: value for name, value in request.args.items() if value})
    except ValidationError:
        abort(404)


@dataclass(frozen=True)
class Paging:
    """Where one is in a list, and the addresses of the pages beside it."""

    path: str
    query: dict[str, Any]
    page: Page[Any] | None = None

    def link(self, before: int | None = None, **changed: Any) -> str:
        """Return the address of a page, by default the first; of another list, where `changed` says so."""
        asked = {**self.query, **changed, "before": before}
        query = {name: value for name, value in asked.items() if value}
        return f"{self.path}?{urlencode(query)}" if query else self.path

    @property
    def newer(self) -> str | None:
        """The page before this one."""
        return self.link(self.page.newer) if self.page and self.page.newer is not None else None

    @property
    def older(self) -> str | None:
        """The page after this one."""
        return self.link(self.page.older) if self.page and self.page.older else None
