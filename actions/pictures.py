"""Pictures for posts. They are added while one writes: the text comes along, and goes back with the picture in it."""

from typing import Annotated, Any

from actions.posts import PreviewedPost
from flask_server_actions import Result, Upload, UploadLimit, action, success
from models import Picture, User
from web.auth import writers
from web.pictures import MOST_BYTES
from web.prepare import draw


class NewPicture(PreviewedPost):
    """A picture, what it shows, and the words of the post that it is for, finished or not."""

    picture: Annotated[Upload, UploadLimit(MOST_BYTES)]  # type: ignore[assignment]


@action(allow=writers, prepare=draw)
def add_picture(form: NewPicture, user: User, new: dict[str, Any]) -> Result:
    """Keep a picture, and show the words with it at their end; they are not saved yet."""
    user.find_post(form.post_id)
    markdown = Picture.add(user.id, alt=form.alt, **new).markdown
    text = {"body": [f"{form.body.rstrip()}\n\n{markdown}\n"], "alt": [""]}
    return success("The picture is in the text.", reveal_once={"picture": markdown}, keep_form=True, fields=text)
