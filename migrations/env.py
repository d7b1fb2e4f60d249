"""Runs the migrations in one write transaction, on the engine of the application."""

from alembic import context
from flask import current_app

migrate = current_app.extensions["migrate"]


def run() -> None:
    """Bring the database to the wanted revision, or leave it as it was."""
    with migrate.db.engine.connect().execution_options(write=True) as connection:
        # `flask db migrate` only compares; it passes its hooks in configure_args.
        context.configure(connection=connection, target_metadata=migrate.db.metadata, **migrate.configure_args)
        with context.begin_transaction():
            context.run_migrations()


run()
