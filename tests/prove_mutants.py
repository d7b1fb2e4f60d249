# ruff: noqa: E402, T201
"""Mutation testing: each mutant of what the site's safety rests on has to fail a test. `bin/prove mutants` runs it.

A process that has read the packages, and nothing of ours, is forked for each mutant. There the module is the mutant,
and the tests that matter for the file run until one fails. `MUTANTS_SECONDS` bounds it: as many as fit are tried, in an
order that `MUTANTS_SEED` gives; `MUTANTS_FILES` names files to stay with, by how they begin.
"""

import contextlib
import importlib.abc
import importlib.machinery
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import pytest
from mutants import mutants_of

ACTIONS = "flask_server_actions/tests tests/test_server_actions.py tests/test_form_keys.py"
CACHE = "flask_revalidation/tests/test_mechanism_alone.py flask_revalidation/tests/test_edges_of_a_copy.py"
CACHE += " tests/test_cached_answers.py tests/test_revalidation.py"
HOOKS = "tests/test_deliveries.py tests/test_webhook_senders.py tests/test_cron.py"
FORMS = "tests/test_hostile_forms.py tests/test_secrets.py"
ASKED = "tests/test_gate.py tests/test_rate_limit.py"
WRITES = "flask_revalidation/tests/test_write_lock.py tests/test_storage_faults.py"
ANSWERS = "tests/test_api_conditions.py tests/test_fast_hits.py tests/test_budgets.py"
PEOPLE = "tests/test_actions_accounts.py tests/test_actions_likes.py"
TESTS = {  # of each file, the tests that matter
    "flask_server_actions/csrf.py": "flask_server_actions/tests tests/test_same_origin.py",
    "flask_server_actions/dispatch.py": f"{ACTIONS} {ASKED} tests/test_same_origin.py",
    "flask_server_actions/submission.py": f"{ACTIONS} tests/test_preview.py {FORMS}",
    "flask_server_actions/idempotency.py": f"{ACTIONS} tests/test_gate.py",
    "flask_server_actions/form.py": f"{ACTIONS} tests/test_pages.py {FORMS}",
    "flask_server_actions/declare.py": f"{ACTIONS} tests/test_structure.py",
    "flask_revalidation/tags.py": f"{CACHE} {WRITES}",
    "flask_revalidation/transaction.py": f"{CACHE} {WRITES}",
    "flask_revalidation/cache.py": f"{CACHE} {ANSWERS}",
    "flask_revalidation/privacy.py": CACHE,
    "flask_revalidation/store.py": f"{CACHE} tests/test_budgets.py",
    "web/gate.py": f"tests/test_gate.py tests/test_settings.py {PEOPLE}",
    "actions/rate_limit.py": f"tests/test_rate_limit.py {PEOPLE}",
    "api/webhooks/receive.py": f"{HOOKS} tests/test_webhook_github.py tests/test_webhook_stripe.py",
    "api/webhooks/stripe.py": f"tests/test_webhook_stripe.py {HOOKS}",
    "api/webhooks/github.py": f"tests/test_webhook_github.py {HOOKS}",
    "models/publication.py": "tests/test_going_live.py tests/test_actions_posts.py tests/test_schedule.py",
}
LONGEST = 120  # seconds for a mutant; one that hangs is noticed


class Mutated(importlib.abc.MetaPathFinder):
    """Finds one module, and runs the mutant in its place."""

    def __init__(self, file, tree):
        self.file, self.tree, self.name = file, tree, file.removesuffix(".py").replace("/", ".")

    def find_spec(self, name, path, target=None):
        if name != self.name:
            return None
        loader = importlib.machinery.SourceFileLoader(name, str(ROOT / self.file))
        loader.get_code = lambda _name: compile(self.tree, str(ROOT / self.file), "exec")
        return importlib.machinery.ModuleSpec(name, loader, origin=str(ROOT / self.file))


def read_packages():
    """Import every package that tests import, and nothing of ours."""
    listed = "print(*[name for name, module in sys.modules.items() if getattr(module, '__file__', None)])"
    command = [sys.executable, "-c", f"import sys, conftest, browsing, hypothesis; {listed}"]
    path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    told = subprocess.run(command, env=os.environ | path, cwd=ROOT, capture_output=True, text=True).stdout.split()
    ours = {path.stem for path in [*ROOT.glob("*"), *ROOT.glob("tests/*.py")]}
    for name in told:
        if name.partition(".")[0] not in ours:
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def run_tests(tests, finder=None, longest=LONGEST):
    """Run tests in a process of their own, and return its id."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    signal.alarm(longest)
    nowhere = os.open(os.environ.get("MUTANTS_LOG", os.devnull), os.O_RDWR | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.chdir(ROOT)
    if finder:
        sys.meta_path.insert(0, finder)
    code = 1
    with contextlib.suppress(BaseException):
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests.split()])
    os._exit(int(code))


def wait_for_one(running):
    """Return a process that has ended, and whether its tests had passed."""
    child, status = os.wait()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # servers that it left behind
    return running.pop(child), status == 0


def fill():
    """Return a filled data directory."""
    directory = Path(tempfile.mkdtemp(prefix="mutants-"))
    if not (child := os.fork()):
        os.chdir(ROOT)
        from conftest import filled_directory

        class Factory:
            def mktemp(self, _name):
                return directory

        filled_directory.__wrapped__(Factory())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, "the database could not be filled"
    return directory


def main():
    """Try mutants in an order by chance, until there are no more or the time is up."""
    seconds, seed = int(os.environ.get("MUTANTS_SECONDS", "900")), os.environ.get("MUTANTS_SEED", "1")
    jobs, chosen = os.cpu_count() or 1, tuple(os.environ.get("MUTANTS_FILES", "").split(","))
    files = [file for file in TESTS if file.startswith(chosen)]
    waiting = [(file, mutant) for file in files for mutant in mutants_of((ROOT / file).read_text())]
    random.Random(seed).shuffle(waiting)
    read_packages()
    os.environ |= {"FILLED_DIRECTORY": str(fill()), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    require_passing({test for file in files for test in TESTS[file].split()}, jobs)
    running, total, survived, began = {}, Counter(), [], time.monotonic()
    for file, mutant in waiting:
        if time.monotonic() - began > seconds:
            break
        if len(running) >= jobs:
            note(*wait_for_one(running), total, survived)
        running[run_tests(TESTS[file], Mutated(file, mutant.tree))] = file, mutant
    while running:
        note(*wait_for_one(running), total, survived)
    left, everyone = Counter(file for file, _ in survived), Counter(file for file, _ in waiting)
    for file in files:
        print(f"{file:42} {total[file] - left[file]:4} killed of {total[file]:4} tried of {everyone[file]:4}")
    killed, tried = sum(total.values()) - len(survived), sum(total.values())
    took = time.monotonic() - began
    print(
        f"killed {killed} of {tried} ({killed / tried:.1%}), of {len(waiting)} there are, in {took:.0f} s, seed {seed}"
    )


def require_passing(tests, jobs):
    """Stop where a test fails of itself: it would kill every mutant."""
    parts = [sorted(tests)[job::jobs] for job in range(min(jobs, len(tests)))]
    running = {run_tests(" ".join(part), longest=900): part for part in parts}
    while running:
        part, passed = wait_for_one(running)
        assert passed, f"without a mutant one of these fails: {part}"


def note(found, passed, total, survived):
    """Count a mutant, and print it where no test has noticed it."""
    file, mutant = found
    total[file] += 1
    if passed:
        survived.append(found)
        print(f"survived: {file} {mutant}", flush=True)


if __name__ == "__main__":
    main()
