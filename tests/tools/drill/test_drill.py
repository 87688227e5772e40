"""One seed of the kill drill, with real processes on servers of its own; `make soak` plays fresh ones (docs/drill.md)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.story.processes import ROOT


@pytest.mark.services
@pytest.mark.timeout(400)
def test_killed_processes_and_servers_leave_venue_and_database_in_agreement() -> None:
    command = [sys.executable, "-m", "tools.drill", "--seeds", "5", "--seconds", "12"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-4_000:]
    report = json.loads(done.stdout)
    assert report["found"] == []
    assert sum(report["deaths"].values()) > 0
    assert report["orders at the venue"] > 0
    assert report["fills"] > 0
