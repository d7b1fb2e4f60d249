"""The site's files are for its own user: database, counters, locks, keys and what else is in the folder."""

import os
import stat
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress

import pytest
from conftest import settings_for
from serving import ROOT, free_port, serving

from app import create_app
from data_dir import make_private, problems_of
from settings import BadSettings


def modes(folder):
    """Return the permissions of the folder, and of each file and folder in it."""
    found = {}
    for path in (folder, *folder.rglob("*")):
        with suppress(FileNotFoundError):  # SQLite's come and go
            found[path] = oct(stat.S_IMODE(path.stat().st_mode))
    return found


def open_to_others(folder):
    return {path.name: mode for path, mode in modes(folder).items() if int(mode, 8) & 0o077}


def use(url):
    """Read, count, write and keep a lock, so that every file is there."""
    for path in ("/", "/api/v1/posts", "/readyz"):
        with urllib.request.urlopen(url + path, timeout=10) as answer:
            assert answer.status == 200
    fields = b"persona=ada"
    own = {"Origin": url, "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
    urllib.request.urlopen(
        urllib.request.Request(f"{url}/_actions/demo.switch_persona", fields, own), timeout=10
    ).close()


def test_files_of_a_real_server_are_closed_though_they_were_open(data_dir):
    for path in data_dir.rglob("*"):
        path.chmod(0o644 if path.is_file() else 0o755)
    data_dir.chmod(0o755)
    before = os.umask(0o022)
    try:
        with serving(data_dir, workers=1) as server:
            use(server.url)
            found = modes(data_dir)
    finally:
        os.umask(before)

    assert open_to_others(data_dir) == {}
    assert found[data_dir] == "0o700"
    assert any(path.name.startswith("server-") for path in found), "its log is there as well"


@pytest.mark.sqlite("its files are the database")
def test_every_file_of_a_new_site_is_closed_from_the_beginning(tmp_path):
    folder, port = tmp_path / "new", free_port()
    told = {**os.environ, "DATA_DIR": str(folder), "PORT": str(port), "WEB_CONCURRENCY": "1"}
    told["PATH"] = f"{os.path.dirname(sys.executable)}:{told['PATH']}"  # noqa: PTH120
    command = ["sh", "-c", f"umask 022; exec {ROOT}/bin/start"]
    with (tmp_path / "log").open("wb") as log:
        site = subprocess.Popen(command, env=told, stdout=log, stderr=log)
    try:
        deadline, seen = time.monotonic() + 60, {}
        while time.monotonic() < deadline and site.poll() is None:
            seen |= {path.name: mode for path, mode in modes(folder).items()} if folder.exists() else {}
            assert not folder.exists() or open_to_others(folder) == {}
            try:
                use(f"http://127.0.0.1:{port}")
                break
            except OSError:
                time.sleep(0.05)
        found = {path.name for path in modes(folder)}
        assert open_to_others(folder) == {}
    finally:
        site.terminate()
        site.wait(30)

    expected = {"hallway.db", "hallway.db-wal", "hallway.db-shm", "rate-limits.db", "demo-secret", "prepare.lock"}
    assert expected <= found, (tmp_path / "log").read_text()
    assert any(name.endswith("lock") for name in found - {"prepare.lock"})


def test_folder_that_everyone_may_write_to_stops_the_start_with_a_sentence(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)

    with pytest.raises(BadSettings, match=rf"DATA_DIR={shared} is another user's, or open to all.*{shared}/site"):
        create_app(settings_for(shared))

    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert list(shared.iterdir()) == []
    make_private(shared / "site")
    assert modes(shared / "site") == {shared / "site": "0o700"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_folder_of_another_user_stops_the_start_with_a_sentence(tmp_path):
    os.chown(tmp_path, 12345, 12345)

    assert "is another user's" in next(problems_of(tmp_path))
    with pytest.raises(BadSettings, match="DATA_DIR"):
        create_app(settings_for(tmp_path))


@pytest.mark.parametrize("mode", [0o755, 0o775, 0o750, 0o700])
def test_folder_of_ours_that_others_may_look_into_is_closed(tmp_path, mode):
    folder = tmp_path / "volume"
    folder.mkdir()
    (folder / "old.log").write_text("x")
    folder.chmod(mode)

    make_private(folder)

    assert list(modes(folder).values()) == ["0o700", "0o600"]


def test_container_has_a_volume_of_its_own_user():
    text = (ROOT / "Dockerfile").read_text()

    assert "install -d -m 700 -o 10001 -g 10001 /data" in text
    assert "USER 10001:10001" in text
