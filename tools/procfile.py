"""The Procfile's commands, for what starts the site as a process manager would."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection

from tests.story.processes import ROOT


def procfile_commands(names: Collection[str]) -> dict[str, str]:
    """Return the commands of these processes, by the interpreter that runs this, wherever it was installed."""
    lines = (line.split(":", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    return {
        name: re.sub(
            r"\.venv/bin/(python )?", lambda found: f"{sys.executable} {'' if found[1] else '-m '}", command.strip()
        )
        for name, command in lines
        if name in names
    }


def shelled(command: str) -> list[str]:
    """Return a command for a shell that becomes the process, since it may name variables."""
    return ["sh", "-c", f"exec {command}"]
