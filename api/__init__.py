"""The API: for everyone who is not our page. It reads no cookie, and never will."""

from api import cron, docs, v1, webhooks

BLUEPRINTS = [docs, v1, webhooks, cron]
