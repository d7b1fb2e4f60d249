"""The public door: everyone who is not our page. It reads no cookie, and never will."""

from api import docs, health, problems, v1

DOORS = [health, problems, docs, v1]
