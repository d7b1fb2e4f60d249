"""The write lock: nobody starves, waits are bounded, and the kernel frees what a dead process held."""

import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from flask_revalidation.write_lock import acquire

OWNER = """
import sys
from flask_revalidation.write_lock import acquire
lock = acquire(sys.argv[1], 5)
print("mine", flush=True)
sys.stdin.readline()
lock.close()
print("free", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "items.db")


@pytest.fixture
def owner(path):
    """Another process that has the lock until it is told to give it back."""
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", OWNER, path], **piped)
    assert process.stdout.readline() == "mine\n"
    yield process
    process.kill()
    process.communicate()


def test_wait_is_bounded_and_leaves_nothing_behind(path, owner):
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        acquire(path, 0.05)
    assert 0.05 <= time.monotonic() - began < 1

    owner.stdin.write("\n")
    owner.stdin.flush()
    assert owner.stdout.readline() == "free\n"
    for _ in range(2):
        acquire(path, 5).close()


def test_without_patience_it_is_refused_at_once(path, owner):
    began = time.monotonic()

    with pytest.raises(TimeoutError):
        acquire(path, 0)
    assert time.monotonic() - began < 0.5


def test_process_that_died_frees_the_lock(path, owner):
    with pytest.raises(TimeoutError):
        acquire(path, 0)
    owner.kill()

    lock = acquire(path, 5)
    with pytest.raises(TimeoutError):
        acquire(path, 0)
    lock.close()


def test_threads_of_one_process_exclude_each_other(path):
    first = acquire(path, 1)
    with pytest.raises(TimeoutError):
        acquire(path, 0.05)

    first.close()
    acquire(path, 1).close()


BUSY = """
import sys, threading, time
from flask_revalidation.write_lock import acquire
served = [0]
print("ready", flush=True)
until = float(sys.stdin.readline())  # of a clock that all processes share
def write():
    while time.monotonic() < until:
        lock = acquire(sys.argv[1], 5)
        time.sleep(0.001)
        served[0] += 1
        lock.close()
threads = [threading.Thread(target=write) for _ in range(int(sys.argv[2]))]
[thread.start() for thread in threads], [thread.join() for thread in threads]
print(served[0])
"""


def test_no_process_starves_beside_one_with_many_writers(path):
    command = [sys.executable, "-c", BUSY, path]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    processes = [subprocess.Popen([*command, str(n)], **pipes, text=True) for n in (1, 1, 8)]
    ready = [process.stdout.readline() for process in processes]
    until = f"{time.monotonic() + 2}\n"
    for process in processes:
        process.stdin.write(until)
        process.stdin.flush()
    served = [int(process.communicate(timeout=60)[0]) for process in processes]

    assert ready == ["ready\n"] * 3
    assert min(served) > 0.1 * sum(served), served


def test_nobody_starves_among_many_in_a_hot_loop(path):
    served, until = Counter(), time.monotonic() + 2
    refused = []

    def write(name):
        while time.monotonic() < until:
            try:
                file = acquire(path, 5)
            except TimeoutError:
                refused.append(name)
                continue
            time.sleep(0.001)
            served[name] += 1
            file.close()

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert refused == []
    assert len(served) == 8
    assert min(served.values()) > 0.2 * max(served.values()), served
