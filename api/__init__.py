"""The API: for everyone who is not our page. It reads no cookie, and never will."""

from api import cron, docs, problems, v1, webhooks

BLUEPRINTS = [problems, docs, v1, webhooks, cron]
