"""What readers and the people of the house see."""

import pytest
from scenarios import PUBLISHED

READERS = [
    "/",
    "/blog",
    "/blog?before=9",
    "/blog?tag=security",
    "/blog/commit-is-the-only-moment",
    "/contact",
    "/support",
    "/support?thanks=1",
    "/sign-in",
]
HOUSE = ["/dashboard", "/dashboard/posts", "/dashboard/posts/3/edit", "/dashboard/inbox", "/dashboard/settings"]
HOUSE += ["/dashboard/members", "/dashboard/members?status=active&before=9", "/dashboard/developers"]


@pytest.mark.parametrize("path", READERS)
def test_anyone_can_read(visitor, path):
    answer = visitor.get(path)

    assert answer.status_code == 200
    assert "<h1" in answer.text


@pytest.mark.parametrize("path", HOUSE)
def test_owner_sees_every_room(ada, path):
    assert ada.get(path).status_code == 200


@pytest.mark.parametrize("name", ["page", "tag", "author", "q", "before", "status", "show"])
@pytest.mark.parametrize("page", ["blog", f"blog/{PUBLISHED}", "dashboard/posts", "dashboard/inbox"])
def test_empty_parameter_means_none(ada, page, name):
    assert ada.get(f"/{page}?{name}=").status_code == 200
