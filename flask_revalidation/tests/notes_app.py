"""A small application with notes, for the tests of the mechanism: nothing of our publication."""

from pathlib import Path
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_revalidation import Revalidation, cached_page


class Base(DeclarativeBase):
    """The base class of the models."""


class Note(Base):
    """A note with a text."""

    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(80))


def make(folder: Path, name: str = "notes", database: Any = None, *, create: bool = True, **options: Any) -> Flask:
    """Return an application on a database in `folder`, or at `url`: page `/` lists the notes under the tag "notes"."""
    app, db = Flask(name), database or SQLAlchemy(model_class=Base)
    url = options.pop("url", f"sqlite:///{folder}/{name}.db")
    app.config.update(SECRET_KEY="k", SQLALCHEMY_DATABASE_URI=url)
    app.testing = options.pop("testing", True)
    db.init_app(app)
    Revalidation(app, db, **options)
    app.extensions["db"] = db

    @app.get("/")
    @cached_page(tags=["notes"])
    def index() -> str:
        return " ".join(db.session.scalars(select(Note.text).order_by(Note.id)))

    if create:
        create_tables(app)
    return app


def create_tables(app: Flask) -> None:
    """Make the tables as a migration does, on a connection that may write although the application is strict."""
    with app.app_context():
        db, options = app.extensions["db"], {"write": True, "postgresql_readonly": False}
        with db.engine.connect().execution_options(**options) as connection, connection.begin():
            db.metadata.create_all(connection)


def read(app: Flask, path: str = "/") -> str:
    """Return a page as a stranger gets it."""
    return app.test_client().get(path).text


def close(*apps: Flask) -> None:
    """Let go of the connections."""
    for app in apps:
        with app.app_context():
            app.extensions["db"].engine.dispose()
