# ruff: noqa: E402, T201
"""Mutation testing: each mutant of what the site's safety rests on has to fail a test. `bin/prove mutants` runs it.

`MUTANTS_SECONDS` bounds a call, and the next one goes on: what was found of a file with this content stands in
`data/proof/mutants.jsonl`. `MUTANTS_SEED` gives the order, `MUTANTS_FILES` the files to stay with, by how they begin.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent)]

import pytest
from mutant_runs import Forks, Living, fill, read_packages, run_imported
from mutant_tests import OPTIONS, ROOT, Choice, digest, record
from mutants import mutants_of

ACTIONS = "flask_server_actions/tests tests/test_server_actions.py tests/test_form_keys.py"
CACHE = "flask_revalidation/tests tests/test_cached_answers.py tests/test_revalidation.py"
HOOKS = "tests/test_edges.py tests/test_deliveries.py tests/test_webhook_senders.py tests/test_cron.py"
FORMS = "tests/test_hostile_forms.py tests/test_secrets.py"
ASKED = "tests/test_edges.py tests/test_rate_limit.py tests/test_gate.py"
WRITES = "tests/test_storage_faults.py"
ANSWERS = "tests/test_api_conditions.py tests/test_fast_hits.py tests/test_budgets.py"
PEOPLE = "tests/test_actions_accounts.py tests/test_actions_likes.py"
MONEY = "tests/test_edges_of_money.py tests/test_billing.py tests/test_money.py tests/test_webhook_stripe.py"
TESTS = {  # of each file, the tests that matter
    "flask_server_actions/csrf.py": "flask_server_actions/tests tests/test_same_origin.py",
    "flask_server_actions/dispatch.py": f"{ACTIONS} {ASKED} tests/test_same_origin.py",
    "flask_server_actions/submission.py": f"{ACTIONS} tests/test_preview.py {FORMS}",
    "flask_server_actions/idempotency.py": f"{ACTIONS} tests/test_gate.py",
    "flask_server_actions/form.py": f"{ACTIONS} tests/test_pages.py {FORMS}",
    "flask_server_actions/declare.py": ACTIONS,
    "flask_server_actions/extension.py": ACTIONS,
    "flask_server_actions/page.py": f"{ACTIONS} tests/test_actions_comments.py",
    "flask_server_actions/result.py": ACTIONS,
    "flask_server_actions/upload.py": f"{ACTIONS} tests/test_pictures.py",
    "flask_revalidation/extension.py": CACHE,
    "flask_revalidation/write_lock.py": f"{CACHE} {WRITES}",
    "flask_revalidation/sqlite.py": f"{CACHE} {WRITES}",
    "flask_revalidation/tags.py": f"{CACHE} {WRITES}",
    "flask_revalidation/transaction.py": f"{CACHE} {WRITES}",
    "flask_revalidation/cache.py": f"{CACHE} {ANSWERS}",
    "flask_revalidation/privacy.py": CACHE,
    "flask_revalidation/store.py": f"{CACHE} tests/test_budgets.py",
    "web/gate.py": f"{ASKED} tests/test_settings.py {PEOPLE}",
    "web/pictures.py": "tests/test_edges.py tests/test_pictures.py",
    "web/rate_limiter.py": f"{ASKED} tests/test_api_quota.py",
    "web/fast_hits.py": "tests/test_edges.py tests/test_fast_hits.py tests/test_cached_answers.py",
    "actions/rate_limit.py": f"{ASKED} {PEOPLE}",
    "api/webhooks/receive.py": f"{HOOKS} tests/test_webhook_github.py tests/test_webhook_stripe.py",
    "api/webhooks/stripe.py": f"tests/test_webhook_stripe.py {HOOKS}",
    "api/webhooks/github.py": f"tests/test_webhook_github.py {HOOKS}",
    "api/webhooks/__init__.py": f"tests/test_settings.py {HOOKS}",
    "models/billing.py": MONEY,
    "models/member.py": f"{MONEY} tests/test_pages_members.py tests/test_membership_page.py",
    "models/payment.py": MONEY,
    "models/delivery.py": f"{HOOKS} {MONEY}",
    "models/picture.py": "tests/test_edges.py tests/test_pictures.py",
    "models/publication.py": "tests/test_going_live.py tests/test_actions_posts.py tests/test_schedule.py",
}
FOUND, LINES = ROOT / "data/proof/mutants.jsonl", ROOT / "data/proof/mutants-lines.json"
OUT = os.fdopen(os.dup(1), "w")  # for us, also where tests have taken the other
LONGEST = 20  # seconds that the tests for one mutant take, without it; the slowest of them are left out


def row(file):
    """Return the files of the tests that matter for a file, each with its place: what is most about it comes first."""
    found = {}
    for place, path in enumerate(map(ROOT.joinpath, TESTS[file].split())):
        for test in path.glob("test_*.py") if path.is_dir() else [path]:
            found[str(test.relative_to(ROOT))] = place
    return found


class Try:
    """A mutant, the tests for it, and what is known of the two."""

    def __init__(self, file, mutant, number, recorded):
        self.file, self.mutant = file, mutant
        self.choice = Choice(file, mutant, row(file), recorded, LONGEST)
        self.key = f"{file} {digest(file)} {mutant} {number}"
        chosen = sorted({test.partition("::")[0] for test in self.choice.tests})
        self.tests = f"{digest(*chosen)} {len(self.choice.tests)}"

    def is_known(self, found):
        """Say whether it was tried: one that survived is tried again when its tests have changed."""
        last = found.get(self.key, {"how": "survived", "tests": ""})
        return last["how"] != "survived" or last["tests"] == self.tests

    def note(self, how, by):
        """Write down how it ended."""
        if how == "survived":
            print(f"survived: {self.file} {self.mutant}", file=OUT, flush=True)
        with FOUND.open("a") as lines:
            lines.write(json.dumps({"key": self.key, "how": how, "by": by, "tests": self.tests}) + "\n")


def read_found():
    """Return what was found so far."""
    lines = FOUND.read_text().splitlines() if FOUND.exists() else []
    return {entry["key"]: entry for entry in map(json.loads, lines)}


def try_all(tries, scratch, until, running):
    """Try mutants until the time is up; `running` returns what runs one, or None where that is another's."""
    forks, found = Forks(scratch), read_found()
    for one in tries:
        if time.monotonic() > until:
            break
        if one.is_known(found) or not (run := running(one)):
            continue
        if not one.choice.tests:
            one.note("survived", "no test runs it")
        else:
            forks.start(run, one.note, 30 + 5 * one.choice.seconds)
    forks.wait_for_all()


class Loop:
    """Tries mutants of living functions, in the place of pytest's loop over all tests."""

    def __init__(self, tries, scratch, until):
        self.tries, self.scratch, self.until = tries, scratch, until

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        """Run no test here, but in forks of this process."""
        living = Living(session, {one.file for one in self.tries})

        def running(one):
            changes = [] if one.choice.at_import else living.changes(one.file, one.mutant)
            return changes and partial(living.run, changes, one.choice)

        try_all(self.tries, self.scratch, self.until, running)
        return True


def main():
    """Try mutants in an order by chance, until there are no more or the time is up."""
    seconds, seed = int(os.environ.get("MUTANTS_SECONDS", "900")), os.environ.get("MUTANTS_SEED", "1")
    files = [file for file in TESTS if file.startswith(tuple(os.environ.get("MUTANTS_FILES", "").split(",")))]
    began = time.monotonic()
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    FOUND.parent.mkdir(parents=True, exist_ok=True)
    read_packages()
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        forks = Forks(scratch)
        filled, templates = (Path(tempfile.mkdtemp(dir=scratch)) for _ in range(2))
        forks.start(lambda _: fill(filled), require_success, 300)
        forks.wait_for_all()
        os.environ |= {"FILLED_DIRECTORY": str(filled), "COMPILED_TEMPLATES": str(templates)}
        recorded = record(forks, list(TESTS), sorted({test for file in TESTS for test in row(file)}), LINES)
        tries = tries_of(files, recorded)
        random.Random(seed).shuffle(tries)
        loop, tests = Loop(tries, scratch, began + seconds), list(recorded)
        forks.start(lambda _: pytest.main([*OPTIONS, *tests], plugins=[loop]) == 0, require_success, seconds + 600)
        forks.wait_for_all()
        try_all(tries, scratch, began + seconds, lambda one: partial(run_imported, one))
    report(files, tries, f"{time.monotonic() - began:.0f} s, seed {seed}")


def require_success(how, note):
    """Stop where a step of our own has failed."""
    assert how == "survived", f"a step of our own was {how}: {note}"


def tries_of(files, recorded):
    """Return every mutant of some files with its tests."""
    tries = []
    for file in files:
        seen = Counter()
        for mutant in mutants_of((ROOT / file).read_text()):
            seen[str(mutant)] += 1
            tries.append(Try(file, mutant, seen[str(mutant)], recorded))
    return tries


def report(files, tries, took):
    """Print how many were killed of how many, by file and in all."""
    found, lines = read_found(), []
    for file in files:
        own = [one for one in tries if one.file == file]
        how = Counter(found[one.key]["how"] for one in own if one.is_known(found))
        lines.append((how["killed"], how["hung"], how.total(), len(own)))
        print(f"{file:42} {how['killed'] + how['hung']:4} killed of {how.total():4} tried of {len(own):4}")
    killed, hung, tried, there_are = map(sum, zip(*lines, strict=True))
    share = (killed + hung) / max(tried, 1)
    print(f"killed {killed + hung} ({hung} hung) of {tried} tried ({share:.1%}), of {there_are} there are, in {took}")


if __name__ == "__main__":
    main()
