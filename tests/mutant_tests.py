"""Which tests run which lines, and which are chosen for a mutant. Other tests cannot notice it."""

import gc
import json
import sys
import threading
import time
from collections import defaultdict
from functools import _lru_cache_wrapper
from hashlib import sha256
from itertools import accumulate
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OPTIONS = ["-x", "-q", "-p", "no:cacheprovider"]


def digest(*files):
    """Return a digest of the contents of files."""
    return sha256(b"\0".join((ROOT / file).read_bytes() for file in files)).hexdigest()[:16]


class Recorder:
    """Notes the lines of some files that run at import and in each test, and how long each test takes."""

    def __init__(self, files):
        self.files, self.current = {str(ROOT / file): file for file in files}, set()
        self.found = {"import": self.current, "tests": {}}
        self.start()

    def start(self):
        """Trace what runs from now on, in all threads."""
        threading.settrace(self.call)
        sys.settrace(self.call)

    def call(self, frame, _event, _argument):
        """Trace the functions of these files alone."""
        file = self.files.get(frame.f_code.co_filename)

        def line(frame, _event, _argument):
            self.current.add((file, frame.f_lineno))
            return line

        return line(frame, "", None) if file else None

    def pytest_collection_finish(self):
        """Find what functions of these files have answered before: who gets that runs no line, but depends on it."""
        wrappers = [it for it in gc.get_objects() if isinstance(it, _lru_cache_wrapper)]
        code = {it: getattr(it.__wrapped__, "__code__", None) for it in wrappers}
        self.kept = [it for it in wrappers if code[it] and code[it].co_filename in self.files]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        """Begin anew for each test."""
        for kept in self.kept:
            kept.cache_clear()
        self.current, began = set(), time.monotonic()
        self.start()
        answer = yield
        self.found["tests"][item.nodeid] = time.monotonic() - began, self.current
        return answer

    def write(self, path):
        """Write what was found as JSON."""
        sys.settrace(None)
        tests = {test: [round(took, 3), _by_file(ran)] for test, (took, ran) in self.found["tests"].items()}
        path.write_text(json.dumps({"import": _by_file(self.found["import"]), "tests": tests}))


def _by_file(ran):
    lines = defaultdict(list)
    for file, line in sorted(ran):
        lines[file].append(line)
    return lines


class Choice:
    """The tests for a mutant: those that run its line, and the file's row where it runs at import.

    The row's files come first: each one's quickest test, then each one's second, and so on. Then the others do so. What
    runs at import shows anywhere: there all the row's come, the quickest first, for twice the seconds.
    """

    def __init__(self, file, mutant, row, recorded, longest):
        lines, found = set(mutant.lines), []
        self.at_import = any(lines & set(each["import"].get(file, ())) for each in recorded.values())
        for test, each in recorded.items():
            own = self.at_import and test in row
            here = [
                (took, name) for name, (took, ran) in each["tests"].items() if own or lines & set(ran.get(file, ()))
            ]
            for number, (took, name) in enumerate(sorted(here)):
                place = () if self.at_import else (test not in row, number, row.get(test))
                found.append((place, took, name))
        used = accumulate(took for _, took, _ in sorted(found))
        seconds = 2 * longest if self.at_import else longest
        chosen = [each for each, sum_ in zip(sorted(found), used, strict=True) if sum_ < seconds] or sorted(found)[:1]
        self.tests, self.seconds = [name for *_, name in chosen], sum(took for _, took, _ in chosen)


class Chosen:
    """Runs some tests in an order, and writes down the one that fails."""

    def __init__(self, tests, note):
        self.place, self.note = {test: at for at, test in enumerate(tests)}, note

    def pytest_collection_modifyitems(self, items):
        """Leave the others out."""
        items[:] = sorted((it for it in items if it.nodeid in self.place), key=lambda it: self.place[it.nodeid])

    def pytest_runtest_logreport(self, report):
        """Write down which test has noticed the mutant."""
        if report.failed:
            self.note.write_text(report.nodeid)


def record(forks, files, tests, kept):
    """Return what each file of tests runs of some files; `kept` has it from before. All tests have to pass as well."""
    known = json.loads(kept.read_text()) if kept.exists() else {}
    failed = []
    for test in tests:
        key = digest(test, *files)
        if known.get(test, {}).get("digest") == key:
            continue

        def trace(note, test=test):
            recorder = Recorder(files)
            code = pytest.main([*OPTIONS, test], plugins=[recorder])
            recorder.write(note)
            return code == 0

        def ended(how, note, test=test, key=key):
            if how == "survived":
                known[test] = json.loads(note) | {"digest": key}
                kept.write_text(json.dumps(known))
            else:
                failed.append(test)

        forks.start(trace, ended, 900)
    forks.wait_for_all()
    assert not failed, f"without a mutant these fail: {failed}"
    return {test: known[test] for test in tests}
