"""How a mutant is run. Each in a process of its own, which ends with it.

Most mutants are in a function's body. For them a process that has imported everything and collected all tests is
forked, and in the fork the living functions get the mutant's code. What runs at import is imported anew, by a fork of a
process that has read the packages and no module of ours, with the mutant in the module's place.
"""

import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from functools import _lru_cache_wrapper
from pathlib import Path
from types import CodeType, FunctionType
from unittest.mock import patch

import pytest
from mutant_tests import OPTIONS, ROOT, Chosen


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


class Forks:
    """Processes that each do one thing, in a directory of their own, as many at once as there are cores."""

    def __init__(self, scratch):
        self.scratch, self.running = scratch, {}

    def start(self, do, ended, seconds):
        """Do something that returns whether it went well, and call `ended` with how it ended, and a note of it."""
        while len(self.running) >= (os.cpu_count() or 1):
            self.wait()
        own = Path(tempfile.mkdtemp(dir=self.scratch))
        if child := os.fork():
            self.running[child] = own, ended
            return
        os.setsid()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(int(seconds))
        os.environ["PYTEST_DEBUG_TEMPROOT"] = tempfile.tempdir = str(own)
        log = os.open(os.environ.get("MUTANTS_LOG", os.devnull), os.O_RDWR | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(log, stream)
        went_well = False
        with contextlib.suppress(BaseException):
            went_well = do(own / "note")
        os._exit(not went_well)

    def wait(self):
        """Wait until one has ended."""
        child, status = os.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # servers that it left behind
        own, ended = self.running.pop(child)
        note = (own / "note").read_text() if (own / "note").exists() else ""
        shutil.rmtree(own, ignore_errors=True)
        hung = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGALRM
        ended("hung" if hung else "killed" if status else "survived", note)

    def wait_for_all(self):
        """Wait until none is left."""
        while self.running:
            self.wait()


def fill(directory):
    """Fill a data directory for all tests."""
    import conftest

    class Factory:
        def mktemp(self, _name):
            return directory

    with patch.dict(os.environ):
        os.environ.pop("FILLED_DIRECTORY", None)
        return bool(conftest.filled_directory.__wrapped__(Factory()))


class Imported(importlib.abc.MetaPathFinder):
    """Finds one module, and runs the mutant in its place."""

    def __init__(self, file, tree):
        self.file, self.tree, self.name = file, tree, file.removesuffix(".py").replace("/", ".")

    def find_spec(self, name, path, target=None):
        """Find the mutant."""
        if name != self.name.removesuffix(".__init__"):
            return None
        loader = importlib.machinery.SourceFileLoader(name, str(ROOT / self.file))
        loader.get_code = lambda _name: compile(self.tree, str(ROOT / self.file), "exec")
        return importlib.util.spec_from_file_location(name, str(ROOT / self.file), loader=loader)


def run_imported(one, note):
    """Run a mutant's tests with the module imported anew; return whether all pass."""
    sys.meta_path.insert(0, Imported(one.file, one.mutant.tree))
    tests = sorted({test.partition("::")[0] for test in one.choice.tests})
    return pytest.main([*OPTIONS, *tests], plugins=[Chosen(one.choice.tests, note)]) in (0, 5)


class Living:
    """The functions of some files as they live in this process, and the tests that were collected in it."""

    def __init__(self, session, files):
        self.session, self.items = session, {item.nodeid: item for item in session.items}
        self.code = {file: compile((ROOT / file).read_text(), str(ROOT / file), "exec") for file in files}
        names, self.functions = {str(ROOT / file) for file in files}, defaultdict(list)
        for function in gc.get_objects():
            if isinstance(function, FunctionType) and function.__code__.co_filename in names:
                self.functions[function.__code__].append(function)
        fill(Path(tempfile.mkdtemp()))  # so that addresses, statements and the like are compiled once for all forks
        for kept in [it for it in gc.get_objects() if isinstance(it, _lru_cache_wrapper)]:
            if getattr(kept.__wrapped__, "__code__", None) in self.functions:
                kept.cache_clear()  # for a mutant may answer otherwise
        gc.collect()
        gc.freeze()

    def changes(self, file, mutant):
        """Return the functions that a mutant changes, with their new code. Empty where it has to be imported."""
        new = compile(mutant.tree, str(ROOT / file), "exec")
        changed = [(old, new) for old, new in _pairs(self.code[file], new) if old != new and old in self.functions]
        fits = all(old.co_freevars == new.co_freevars for old, new in changed)
        return [(function, new) for old, new in changed for function in self.functions[old]] if fits else []

    def run(self, changes, choice, note):
        """Give living functions their new code, and run the tests; return whether all pass."""
        for function, code in changes:
            function.__code__ = code
        self.session.config.pluginmanager.register(Chosen(choice.tests, note))
        items = [self.items[test] for test in choice.tests]
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.session.testsfailed:
                return False
        return True


def _pairs(old, new):
    yield old, new
    parts = [[part for part in code.co_consts if isinstance(part, CodeType)] for code in (old, new)]
    if [part.co_name for part in parts[0]] == [part.co_name for part in parts[1]]:
        for pair in zip(*parts, strict=True):
            yield from _pairs(*pair)
