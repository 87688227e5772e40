"""Looks for secrets in every line that was ever committed: a key that was taken out again is as lost as one that is still there.

`python -m tools.secret_scan` exits with 1 and names commit, file and kind where it finds one, never the secret itself.
A shallow clone is searched as far as it reaches; without git's history the files are searched as they are.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What a machine wrote: sums of packages, by the thousand.
LOCKS = ("requirements*.txt", "frontend/package-lock.json")
PASSED_BY = {".venv", "node_modules", "var", "dist", "__pycache__", ".git"}

# The marks that issuers put into their secrets so that they can be found, and what stands behind a name of one.
KINDS = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY",
    "an AWS key": r"\bAKIA[0-9A-Z]{16}\b",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{30}",
    "a key of Stripe": r"\b[sr]k_live_\w{10}|\bwhsec_\w{24}",
    "a Slack token": r"\bxox[abprs]-[\w-]{10}",
    "a Google key": r"\bAIza[\w-]{35}",
    "a Telegram bot's token": r"\b\d{8,10}:AA[\w-]{33}",
    "a package index's token": r"\bpypi-AgE\w{20}",
    "a token of this platform": r"\bslip_[\w-]{40}",
    # With a digit: "password" and the like are words of examples.
    "a password in an address": r"\b[a-z+]{4,12}://[^\s:/@\"'{}$<>]+:(?=[^\s/@]*\d)[^\s/@\"'{}$<>]{8,}@"
    r"(?!127\.0\.0\.1|localhost|[\w.]*example\.)[\w.]+",
    "a secret in quotes": r"(?i:secret|password|passwd|token|api_?key)\w*[\"']?\s*[:=]\s*"
    r"[\"'](?=[^\"']*\d)(?=[^\"']*[A-Z])[A-Za-z0-9+/_=-]{28,}[\"']",
}
_ANY = re.compile("|".join(f"({pattern})" for pattern in KINDS.values()))
Line = tuple[str, str]


def kind_of(text: str) -> str | None:
    """Return what kind of secret a line holds; None where it holds none."""
    found = _ANY.search(text)
    return None if found is None else list(KINDS)[(found.lastindex or 1) - 1]


def committed(root: Path) -> Iterator[Line] | None:
    """Return each line that a commit added, as (commit and file, line); None where there is no history to ask."""
    asked = ["log", "--all", "--patch", "--unified=0", "--no-color", "--no-ext-diff", "--format=commit %h", "--", "."]
    command = ["git", "-C", str(root), *asked, *(f":(exclude){one}" for one in LOCKS)]
    try:
        known = subprocess.run(["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    if known.returncode:
        return None
    return _added(command)


def _added(command: list[str]) -> Iterator[Line]:
    commit, file = "", ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as log:
        for line in log.stdout or ():
            if line.startswith("+++ "):
                file = line[6:].strip()
            elif line.startswith("+"):
                yield f"{commit} {file}", line[1:]
            elif line.startswith("commit "):
                commit = line[7:].strip()
    if log.returncode:
        raise RuntimeError(f"git log ended with {log.returncode}")


def stored(root: Path) -> Iterator[Line]:
    """Return each line of the files as they are."""
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.is_file() and not PASSED_BY & set(inside.parts) and not any(inside.match(one) for one in LOCKS):
            for line in path.read_text(errors="replace").splitlines():
                yield str(inside), line


def scan(root: Path) -> list[str]:
    """Return where there are secrets, and of what kind."""
    lines = committed(root)
    found = ((place, kind_of(line)) for place, line in (stored(root) if lines is None else lines))
    return [f"{place}: {kind}" for place, kind in found if kind is not None]


if __name__ == "__main__":
    places = scan(ROOT)
    print("\n".join(places))
    sys.exit(1 if places else 0)
