"""Processes and the signer's key: those of the site refuse the private one, and the signer is a process that runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.sealing import PublicKey
from tests.fixtures_signer import PRIVATE, PUBLIC
from tests.story.processes import ROOT, Process, own_environment
from tests.story.sites import procfile

SERVICES = {"REDIS_URL": "redis://127.0.0.1:9/0", "SLIPSTREAM_SIGNER_PUBLIC_KEY": PUBLIC.text}
GIVEN = {"SLIPSTREAM_SIGNER_KEYS": PublicKey(PRIVATE).text}


def run(settings: Settings, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "NUMBA_CACHE_DIR") if name in os.environ}
    kept |= {"SLIPSTREAM_VAR_DIR": str(settings.VAR_DIR), "DJANGO_SETTINGS_MODULE": "config.settings", **environment}
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=False, cwd=ROOT, env=kept, capture_output=True, text=True, timeout=110)


@pytest.mark.parametrize("arguments", [("-c", "import config.asgi"), ("manage.py", "check")])
def test_no_process_of_the_site_starts_with_the_private_key(settings: Settings, arguments: tuple[str, ...]) -> None:
    refused = run(settings, *arguments, **SERVICES, **GIVEN)
    assert refused.returncode == 1
    assert "This process was given the signer's private key." in refused.stderr
    assert GIVEN["SLIPSTREAM_SIGNER_KEYS"] not in refused.stderr
    assert run(settings, *arguments, **SERVICES).returncode == 0


def test_the_signer_without_a_key_says_how_to_make_one(settings: Settings, tmp_path: Path) -> None:
    refused = run(settings, "manage.py", "run_signer", **SERVICES)
    assert refused.returncode == 1
    assert "SLIPSTREAM_SIGNER_KEY_FILE" in refused.stderr
    empty = run(settings, "manage.py", "run_signer", **SERVICES, SLIPSTREAM_SIGNER_KEY_FILE=str(tmp_path / "none"))
    assert "rotate_signer_key --generate" in empty.stderr


def test_the_signer_of_the_procfile_goes_on_without_a_database_until_it_is_told_to_end(tmp_path: Path) -> None:
    # A fresh folder: there is not even a table.
    signer = Process(procfile()["signer"], own_environment(tmp_path), tmp_path / "signer.log")
    try:
        signer.wait_for("goes on")
        ended = signer.end()
    finally:
        signer.kill()
    assert ended.code == 0
    assert GIVEN["SLIPSTREAM_SIGNER_KEYS"] not in ended.output
