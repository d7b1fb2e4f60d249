"""What the demo signs with: secrets that everyone can see, and a SECRET_KEY that nobody can."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

DEMO_STRIPE_SECRET = "whsec_demo_for_everyone_to_see"  # noqa: S105  (what the demo signs with is no secret)
DEMO_GITHUB_SECRET = "github-demo-for-everyone-to-see"  # noqa: S105
DEMO_CRON_SECRET = "cron-demo-for-everyone-to-see"  # noqa: S105


def secret_of(sender: str) -> str:
    """Return what the demo signs webhooks of a sender with."""
    return {"stripe": DEMO_STRIPE_SECRET}.get(sender, f"{sender}-demo-for-everyone-to-see")


def shared_key(folder: Path) -> str:
    """Return the SECRET_KEY of all processes that share a folder, and make it where there is none."""
    path = folder / "demo-secret"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        with NamedTemporaryFile("w", dir=folder) as draft, suppress(FileExistsError):
            draft.write(secrets.token_urlsafe(32))
            draft.flush()
            os.link(draft.name, path)  # whoever is first decides; nobody reads half a key
    return path.read_text()
