"""Pages of a list, as links."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Self
from urllib.parse import urlencode

from pydantic import BeforeValidator

from models.search import LONGEST


def _searchable(typed: str) -> str | None:
    """One space between words, and nothing is no search. What is too long is cut: its beginning is found as well."""
    return " ".join(typed.split())[:LONGEST].strip() or None


Words = Annotated[str | None, BeforeValidator(_searchable)]  # `?q=`


@dataclass(frozen=True)
class Paging:
    """Where one is in a list of `total` things, and the addresses of the pages beside it."""

    path: str
    page: int
    per_page: int
    total: int
    query: dict[str, Any]

    @property
    def pages(self) -> int:
        """How many pages there are; an empty list has one."""
        return max(1, -(-self.total // self.per_page))

    def clamped(self) -> Self:
        """Return the same list at this page, or at the last one there is."""
        return replace(self, page=min(self.page, self.pages))

    def link(self, page: int = 1, **changed: Any) -> str:
        """Return the address of a page, the first one without a number; of another list, where `changed` says so."""
        asked = {**self.query, **changed, "page": page if page > 1 else None}
        query = {name: value for name, value in asked.items() if value}
        return f"{self.path}?{urlencode(query)}" if query else self.path

    @property
    def newer(self) -> str | None:
        """The page before this one."""
        return self.link(self.page - 1) if self.page > 1 else None

    @property
    def older(self) -> str | None:
        """The page after this one."""
        return self.link(self.page + 1) if self.page < self.pages else None
