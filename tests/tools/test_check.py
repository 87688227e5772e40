"""The one command that checks the code: quiet about what holds, complete about what does not."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tools import check
from tools.check import Check


def test_all_that_hold_print_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    passing = Check("peace", [sys.executable, "-c", "print('nothing to see')"])
    assert check.run_all([passing]) == 0
    assert re.fullmatch(r"peace +ok +\d+\.\d s\n", capsys.readouterr().out)


def test_one_that_fails_shows_its_output_and_fails_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    passing = Check("peace", [sys.executable, "-c", "pass"])
    failing = Check("war", [sys.executable, "-c", "import sys; print('line 7', flush=True); sys.exit('is wrong')"])
    assert check.run_all([failing, passing]) == 1
    output = capsys.readouterr().out
    assert re.search(r"^war +FAILED +\d+\.\d s\nline 7\nis wrong\n", output, re.MULTILINE)
    assert re.search(r"^peace +ok ", output, re.MULTILINE)


def test_checks_never_see_the_operators_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://theirs@127.0.0.1/books")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("SLIPSTREAM_VAR_DIR", "/srv/slipstream")
    environment = check.clean_environment("/a/folder")
    assert environment == {
        **{key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL"}},
        "SLIPSTREAM_VAR_DIR": "/a/folder",
    }


def test_every_promised_check_is_there() -> None:
    listed = {one.name: one for one in check.checks()}
    assert set(listed) == {
        *("format", "lint", "types", "import contracts"),
        *("migrations", "Django's own checks", "template lint", "JavaScript lint"),
        *("kernels", "test collection", "secrets in the history"),
    }
    assert all(Path(one.command[0]).exists() for one in listed.values())
