"""Comments, for readers."""

from scenarios import DRAFT, PUBLISHED

from models import Comment


def test_deleted_post_takes_its_comments_along(app, ada, visitor, find_post):
    post = find_post(PUBLISHED)
    visitor.get(post.path)

    ada.act("posts.delete_post", post_id=post.id)

    assert visitor.get(post.path).status_code == 404
    with app.app_context():
        assert all(comment.post_id != post.id for comment in Comment.latest(100))


def test_reader_comments_and_removes_it_again(app, cleo, visitor, find_post):
    post = find_post(PUBLISHED)
    visitor.get(post.path)

    cleo.act("comments.add_comment", post_id=post.id, body="Line one\nLine two")
    assert "Line one\nLine two" in visitor.get(post.path).text

    with app.app_context():
        newest = Comment.latest(1)[0].id
    cleo.act("comments.delete_comment", comment_id=newest)
    assert "Line one" not in visitor.get(post.path).text


def test_nobody_comments_on_a_draft(cleo, find_post):
    assert cleo.act("comments.add_comment", post_id=find_post(DRAFT).id, body="x").status_code == 404


def test_closed_comments_are_refused_and_kept(ada, cleo, find_post):
    post = find_post(PUBLISHED)
    ada.act("settings.toggle_setting", key="comments_open")

    assert cleo.act("comments.add_comment", page=post.path, post_id=post.id, body="x").status_code == 409
    assert "Comments are closed" in cleo.get(post.path).text
