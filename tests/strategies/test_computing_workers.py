"""Real Celery workers of both kinds compute a backtest from their own queue, and leave no child behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings as site
from django.db import connection

from accounts.models import User
from strategies.models import Backtest, JobState
from strategies.services.backtests import request_backtest
from tests.fixtures_past import CROSSING, Past


def children_of(pid: int) -> set[int]:
    """Return the process and all below it."""
    found = {pid}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) in found:
            found |= children_of(int(status.parent.name))
    return found


@pytest.mark.services
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_computes_from_the_queue_of_its_own(alice: User, past: Past, pool: str, tmp_path: Path) -> None:
    name = connection.settings_dict["NAME"]
    environment = {**os.environ, "DATABASE_URL": f"{site.DATABASE_URL.rpartition('/')[0]}/{name}"}
    command = ["celery", "-A", "config", "worker", "--queues", site.COMPUTING_QUEUE, "--pool", pool, "--concurrency=1"]
    log = (tmp_path / "worker.log").open("w")
    with subprocess.Popen([sys.executable, "-m", *command], env=environment, stdout=log, stderr=log) as worker:
        asked = request_backtest(owner=alice, terms=past.terms(), face=CROSSING)
        began = time.monotonic()
        while Backtest.objects.get(pk=asked.pk).state in (JobState.QUEUED, JobState.RUNNING):
            assert time.monotonic() - began < 100, (tmp_path / "worker.log").read_text()
            time.sleep(0.05)
        family = children_of(worker.pid)
        worker.terminate()
        worker.wait(30)
    log.close()
    assert Backtest.objects.get(pk=asked.pk).state == JobState.DONE
    assert len(family) >= 2
    ended = time.monotonic() + 3
    while (alive := [pid for pid in family if Path(f"/proc/{pid}").exists()]) and time.monotonic() < ended:
        time.sleep(0.05)
    assert alive == []
