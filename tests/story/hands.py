"""An operator at the site's machine, whose one process runs many management commands: starting each costs seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType
from typing import Self

from tests.story.processes import ROOT
from tests.story.sites import Site

# Reads a line of JSON for each job, code or a command's words, and answers with one: how it ended, and what it said.
_LOOP = """
import io, json, sys, traceback
from contextlib import redirect_stderr, redirect_stdout
import django
django.setup()
from django.core.management import CommandError, call_command
answers = sys.stdout
for line in sys.stdin:
    job, said, code = json.loads(line), io.StringIO(), 0
    with redirect_stdout(said), redirect_stderr(said):
        try:
            exec(job, {}) if isinstance(job, str) else call_command(*job)
        except CommandError as error:
            code = error.returncode
            print(error)
        except SystemExit as end:
            code = end.code
        except BaseException:
            code = 1
            traceback.print_exc()
    answers.write(json.dumps([code, said.getvalue()]) + chr(10))
    answers.flush()
"""


class Hand:
    """One process on a site's data. It starts at once, and is waited for when it is first needed."""

    def __init__(self, site: Site) -> None:
        environment = site.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LOOP],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, code: str) -> tuple[int, str]:
        """Run code, and return 0, or 1 where it raised, and what was said."""
        return self._ask(code)

    def manage(self, *words: str) -> tuple[int, str]:
        """Run a management command, and return with what it ended and what it said."""
        return self._ask(words)

    def _ask(self, job: str | tuple[str, ...]) -> tuple[int, str]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        code, said = json.loads(self._process.stdout.readline())
        return int(code), str(said)
