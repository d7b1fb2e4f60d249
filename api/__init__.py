"""The public door: everyone who is not our page. It reads no cookie, and never will."""

from api import health, problems

DOORS = [health, problems]
