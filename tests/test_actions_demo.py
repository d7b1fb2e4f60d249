"""The demo's own buttons."""

from scenarios import PUBLISHED

from models import Post, db
from revalidation import write


def test_persona_is_one_click_and_reset_restores_everything(app, visitor, find_post):
    visitor.act("demo.switch_persona", persona="edith")
    visitor.act("posts.delete_post", post_id=find_post(PUBLISHED).id)

    assert visitor.act("demo.reset").headers["Location"] == "/"

    assert find_post(PUBLISHED).status == "published"
    assert "Sign out Edith" in visitor.get("/").text
    with app.app_context():
        assert Post.count(None) == 24


def test_production_has_no_demo_actions(make_app):
    app = make_app(
        SECRET_KEY="kX9vQ2mP7rT4wY8zB3nC6fH1jL5sD0gA",
        PUBLIC_URL="http://localhost",
        TRUSTED_HOSTS="localhost",
    )

    assert app.test_client().act("demo.switch_persona", persona="ada").status_code == 404
    assert "Demo" not in app.test_client().get("/").text


def test_sweep_forgets_only_what_is_over(app, ada, visitor):
    before = visitor.get("/blog").text

    with app.app_context(), write(by="test"):
        assert db.session
    result = app.test_cli_runner().invoke(args=["sweep"])

    assert result.exit_code == 0
    assert ada.get("/dashboard").status_code == 200
    assert visitor.get("/blog").text == before
