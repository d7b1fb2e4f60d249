"""What the application announces: keys, signatures, quotas, and the answers in front of Flask."""

from api_client import Caller, issue_key
from webhooks import send_github

from api.auth import checked
from demo.keys import DEMO_GITHUB_SECRET
from flask_revalidation.signals import copy_used
from web.rate_limiter import counted


def test_key_and_quota_are_announced_and_the_key_itself_is_not(app):
    told, key = [], issue_key(app, "bob")

    def was_checked(kind, passed, **_facts):
        told.append((kind, passed))

    def was_counted(bucket, reading):
        assert key not in bucket
        told.append(("quota", reading.left))

    checked.connect(was_checked)
    counted.connect(was_counted)

    Caller(app, key).get("/me")
    Caller(app, "hd_none_at_all").get("/me")

    assert told == [("key", True), ("quota", 599), ("key", False), ("quota", 599)]


def test_signature_is_announced(app, visitor):
    told = []

    def was_checked(kind, passed):
        told.append((kind, passed))

    checked.connect(was_checked)

    for secret in (DEMO_GITHUB_SECRET, "another"):
        send_github(visitor, {"action": "published"}, secret=secret)

    assert told == [("signature", True), ("signature", False)]


def test_answer_in_front_of_flask_is_announced_like_every_other(app, visitor):
    told = []

    def used(entry, hit):
        told.append((entry.key.split(",")[2], hit))

    visitor.get("/feed.json")
    copy_used.connect(used)
    visitor.get("/feed.json")
    visitor.get("/feed.json")

    assert told == [('"feeds.json_feed"', True)] * 2
