"""Hearts, with an account or without."""

from scenarios import PUBLISHED

from web.auth import VISITOR


def test_browser_without_account_likes_once_and_takes_it_back(visitor, find_post):
    post = find_post(PUBLISHED)
    visitor.get("/")

    visitor.act("likes.toggle_like", page=post.path, post_id=post.id)
    assert find_post(PUBLISHED).like_count == post.like_count + 1
    assert 'aria-pressed="true"' in visitor.get(post.path).text
    assert visitor.get_cookie(VISITOR).http_only

    visitor.act("likes.toggle_like", page=post.path, post_id=post.id)
    assert find_post(PUBLISHED).like_count == post.like_count
    assert 'aria-pressed="false"' in visitor.get(post.path).text


def test_hearts_of_new_browsers_without_end_are_slowed_down(app, find_post):
    post = find_post(PUBLISHED)

    statuses = [app.test_client().act("likes.toggle_like", post_id=post.id).status_code for _ in range(51)]

    assert statuses == [303] * 50 + [429]


def test_like_shows_in_lists_at_once(app, visitor, find_post):
    post = find_post(PUBLISHED)
    assert f"{post.like_count} likes" in visitor.get("/blog").text

    app.test_client().act("likes.toggle_like", page="/blog", post_id=post.id)

    assert f"{post.like_count + 1} likes" in visitor.get("/blog").text
