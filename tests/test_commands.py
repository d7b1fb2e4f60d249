"""The commands of bin/ do what they say; on a bare machine, `bin/prove machine` tries them."""

import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import pytest
from serving import ROOT, free_port

SECONDS = 60  # two cores may be busy with other tests


def eventually(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if is_so():
            return True
        time.sleep(0.1)
    return False


def answers(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bytes(answer.read())
    except (OSError, HTTPException):  # not there yet, or ending in the middle of its answer
        return b""


@contextmanager
def running(command: str, data_dir: Path, log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of bin/ in a process group of its own, and end it whole."""
    env = {**os.environ, "DATA_DIR": str(data_dir), **environment}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [ROOT / "bin" / command], env=env, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_dev_serves_with_debugger_tells_each_request_in_a_line_and_starts_anew_when_a_template_changes(
    data_dir, tmp_path
):
    log, port = tmp_path / "dev.log", free_port()
    url = f"http://127.0.0.1:{port}"

    with running("dev", data_dir, log, PORT=str(port)) as dev:
        assert eventually(lambda: b"</html>" in answers(f"{url}/blog"), dev), log.read_text()
        is_told = (ROOT / "xray/__init__.py").exists()  # who tells it may be taken out
        line = r"^GET /blog → 200 \d+ ms · pages/blog.py:\d+ · \d+ statements · \d+ parts?$"
        lines = line if is_told else '"GET /blog HTTP/1.1" 200'
        assert eventually(lambda: bool(re.search(lines, log.read_text(), re.MULTILINE)), dev), log.read_text()
        assert ("HTTP/1.1" in log.read_text()) is not is_told
        assert answers(f"{url}/?__debugger__=yes&cmd=resource&f=style.css")

        (ROOT / "templates/layout.html").touch()
        assert eventually(lambda: "layout.html', reloading" in log.read_text(), dev), log.read_text()
        assert eventually(lambda: b"</html>" in answers(f"{url}/blog"), dev), log.read_text()


def test_serve_honours_port_and_data_dir_and_says_where_to_begin(data_dir, tmp_path):
    log, port = tmp_path / "serve.log", free_port()

    with running("serve", data_dir, log, PORT=str(port), WEB_CONCURRENCY="1") as serve:
        assert eventually(lambda: b"</html>" in answers(f"http://127.0.0.1:{port}/blog"), serve), log.read_text()
        told = f"==> http://127.0.0.1:{port}  Open it, and press “Take the tour”. Ctrl-C stops it.\n"
        assert eventually(lambda: log.read_text().endswith(told), serve), log.read_text()
        assert b"Take the tour" in answers(f"http://127.0.0.1:{port}/")


def run_tests(*arguments: str) -> str:
    done = subprocess.run([ROOT / "bin/test", *arguments, "--collect-only"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_named_tests_run_without_what_they_do_not_need():
    plain, browser = run_tests("tests/test_text.py", "-k", "the"), run_tests("tests/test_browser_htmx.py")

    assert "Only tests/test_text.py: without lint and browser" in plain
    assert "==> Browsers" not in plain
    assert "==> Browsers" in browser
    assert "==> Lint" not in plain + browser


def test_each_step_says_how_long_it_took():
    output = run_tests("tests/test_text.py")
    steps = output.count("==> ") - output.count("==> Only") - output.count("==> All in")

    assert output.count("done in ") == steps > 1
    assert output.splitlines()[-1].startswith("==> All in ")


@pytest.mark.parametrize("command", sorted(path.name for path in (ROOT / "bin").iterdir() if path.suffix == ""))
def test_command_can_be_run_and_says_what_it_is(command):
    path = ROOT / "bin" / command
    first, second = path.read_text().splitlines()[:2]

    assert (first.startswith("#!") and os.access(path, os.X_OK)) or first == "# shellcheck shell=bash"
    assert second.startswith(("# ", '"""'))


def test_every_command_has_its_row_in_the_docs():
    inner = {"start", "healthcheck", "environment", "machine", "fetch_pip"}  # called by the others
    rows = re.findall(r"^\| `bin/([a-z_]+)` \|", (ROOT / "docs/self-hosting.md").read_text(), re.MULTILINE)

    assert sorted(rows) == sorted({path.name for path in (ROOT / "bin").iterdir()} - inner)


@pytest.mark.parametrize("name", ["requirements", "requirements-dev", "requirements-pip"])
def test_lock_file_holds_what_its_list_names_with_hashes(name):
    asked, lock = ((ROOT / f"{name}.{kind}").read_text() for kind in ("in", "txt"))
    wanted = re.findall(r"^\S+==\S+", re.sub(r"\[\w+\]", "", asked), re.MULTILINE)  # extras are no part of a name
    locked = re.findall(r"^(\S+==\S+).*\\\n +--hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)

    assert wanted
    assert [pin for pin in wanted if pin not in locked] == []
