"""A drill's places to die: nothing happens unless a place is named, and then the whole process is gone at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from common.failpoints import failpoint, failpoints_into

PASS = "import django; django.setup(); from common.failpoints import failpoint; failpoint('claimed'); print('alive')"


@pytest.mark.parametrize(
    ("points", "code", "said"),
    [
        ("claimed=1", -signal.SIGKILL, ""),
        ("booked=1,claimed=1.0", -signal.SIGKILL, ""),
        ("booked=1,claimed=0", 0, "alive\n"),
    ],
)
def test_a_place_kills_its_process_with_the_chance_that_it_was_given(points: str, code: int, said: str) -> None:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "SLIPSTREAM_FAILPOINTS": points}
    done = subprocess.run([sys.executable, "-c", PASS], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, said), done.stderr


def test_no_place_is_deadly_by_itself() -> None:
    for place in ("claimed", "sent", "filled", "booked", "copied", "committed"):
        failpoint(place)


def test_a_simulation_hears_of_every_place_and_the_innermost_one_alone() -> None:
    outer: list[str] = []
    inner: list[str] = []
    with failpoints_into(outer.append):
        failpoint("claimed")
        with failpoints_into(inner.append):
            failpoint("sent")
        failpoint("booked")
    failpoint("copied")
    assert (outer, inner) == (["claimed", "booked"], ["sent"])
