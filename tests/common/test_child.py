"""Supervised children: they answer, and time, memory, a wish, a crash or the parent's death really end them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from common.child import ChildError, ChildLimits, Children

ROOMY = ChildLimits(seconds=30.0, memory_bytes=256 << 20)
MODULE = "tests.common.child_work"


@pytest.fixture(scope="module")
def children() -> Iterator[Children]:
    made = Children(MODULE)
    yield made
    made.close()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_dead(pid: int, seconds: float) -> float:
    began = time.monotonic()
    while is_alive(pid) and time.monotonic() - began < seconds:
        time.sleep(0.01)
    return time.monotonic() - began


def test_a_child_returns_what_its_function_does_and_tells_of_progress(children: Children) -> None:
    heard: list[float] = []
    result, usage = children.run("halve", np.arange(4.0), limits=ROOMY, on_progress=heard.append)
    assert result.tolist() == [0.0, 0.5, 1.0, 1.5]
    assert heard == [0.25, 0.75]
    assert 0 < usage.seconds < 5
    assert 10 << 20 < usage.idle_memory_bytes <= usage.peak_memory_bytes < 512 << 20


def test_the_same_warm_child_does_one_job_after_the_other_without_django(children: Children) -> None:
    first = children.run("identity", limits=ROOMY)[0]
    assert children.run("identity", limits=ROOMY)[0] == first
    assert children.run("modules", limits=ROOMY)[0] == []


def test_an_error_comes_back_with_its_facts_and_the_child_goes_on(children: Children) -> None:
    before = children.run("identity", limits=ROOMY)[0]
    with pytest.raises(ChildError) as refused:
        children.run("refuse", limits=ROOMY)
    error = refused.value
    assert (error.code, error.kind, error.detail) == ("RAISED", "Refused", "Take a flatter one.")
    assert error.facts == {"code": "TOO_STEEP", "place": "3:4"}
    with pytest.raises(ChildError, match="RAISED: no such file"):
        children.run("fail_to_open", limits=ROOMY)
    assert children.run("identity", limits=ROOMY)[0] == before


def test_a_job_is_killed_when_its_time_is_up(children: Children) -> None:
    doomed = children.run("identity", limits=ROOMY)[0]
    began = time.monotonic()
    with pytest.raises(ChildError) as stopped:
        children.run("spin", limits=ChildLimits(seconds=0.4, memory_bytes=64 << 20))
    assert stopped.value.code == "TIMED_OUT"
    assert 0.4 <= time.monotonic() - began < 1.4
    assert not is_alive(doomed)
    assert children.run("identity", limits=ROOMY)[0] != doomed


def test_a_job_is_killed_within_a_second_of_the_wish(children: Children) -> None:
    doomed = children.run("identity", limits=ROOMY)[0]
    wished_at: list[float] = []

    def stopped() -> bool:
        wished_at.append(time.monotonic())
        return len(wished_at) == 2

    with pytest.raises(ChildError) as ended:
        children.run("spin", limits=ROOMY, stopped=stopped)
    assert ended.value.code == "STOPPED"
    assert time.monotonic() - wished_at[0] < 1.0
    assert not is_alive(doomed)


def test_a_job_gets_the_memory_it_may_have_and_no_more(children: Children) -> None:
    result, usage = children.run("take", 100, limits=ROOMY)
    assert result == 100 << 17
    # Not to the byte: pages that an earlier job gave back may serve this one.
    assert 90 << 20 < usage.peak_memory_bytes - usage.idle_memory_bytes < 130 << 20
    with pytest.raises(ChildError) as refused:
        children.run("take", 300, limits=ROOMY)
    assert refused.value.code == "OUT_OF_MEMORY"
    # The peak is each job's own.
    assert children.run("take", 1, limits=ROOMY)[1].peak_memory_bytes < 90 << 20


def test_receiving_a_job_counts_against_its_memory(children: Children) -> None:
    with pytest.raises(ChildError) as refused:
        children.run("halve", np.zeros(20 << 17), limits=ChildLimits(seconds=10.0, memory_bytes=16 << 20))
    assert refused.value.code == "OUT_OF_MEMORY"


def test_a_crash_is_told_from_an_error(children: Children) -> None:
    with pytest.raises(ChildError) as crashed:
        children.run("crash", limits=ROOMY)
    assert (crashed.value.code, crashed.value.detail) == ("CRASHED", f"It ended with {-signal.SIGABRT}.")
    assert children.run("halve", 4, limits=ROOMY)[0] == 2


def test_each_thread_has_a_child_of_its_own_and_one_stays(children: Children) -> None:
    with ThreadPoolExecutor(2) as threads:
        jobs = [threads.submit(children.run, "take", 50, limits=ROOMY) for _ in range(4)]
        assert [job.result()[0] for job in jobs] == [50 << 17] * 4
    assert len(children._idle) == 1


PARENT = f"""
import sys, threading
from common.child import ChildLimits, Children
children = Children({MODULE!r})
print(children.run("identity", limits=ChildLimits(30, 1 << 28))[0], flush=True)
# A thread that ends takes no child with it; a busy child dies with the process all the same.
thread = threading.Thread(target=children.warm); thread.start(); thread.join()
print(children.run("identity", limits=ChildLimits(30, 1 << 28))[0], flush=True)
children.run("spin", limits=ChildLimits(60, 1 << 28))
"""


def test_no_child_outlives_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert int(parent.stdout.readline()) == child
        time.sleep(0.3)  # it spins by now, and holds the interpreter's lock
        assert is_alive(child)
        parent.kill()
        parent.wait()
    assert wait_until_dead(child, 3.0) < 1.0


FORKING = f"""
import os, sys
from common.child import ChildLimits, Children
limits = ChildLimits(30, 1 << 28)
children = Children({MODULE!r})
mine = children.run("identity", limits=limits)[0]
pid = os.fork()
if pid == 0:
    # A prefork worker: its parent's child is not its own, and ends of it must not be kept.
    theirs = children.run("identity", limits=limits)[0]
    children.close()
    os._exit(0 if theirs != mine else 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
assert children.run("identity", limits=limits)[0] == mine
"""


def test_a_forked_worker_has_children_of_its_own() -> None:
    assert subprocess.run([sys.executable, "-c", FORKING], check=False, timeout=60).returncode == 0
