"""The search for secrets: in what was committed and taken out again, in files without a history, and not in examples."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools.secret_scan import kind_of, scan

# Put together here, since this file is searched, too.
KEY = "-----BEGIN " + "PRIVATE KEY-----"


def git(folder: Path, *arguments: str) -> None:
    named = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *named, *arguments], check=True, capture_output=True)


def test_what_was_taken_out_again_is_found_with_its_commit(tmp_path: Path) -> None:
    file = tmp_path / "settings.py"
    git(tmp_path, "init", "-q")
    for text in ("a = 1\n", f"a = 1\nb = '{KEY}'\n", "a = 2\n"):
        file.write_text(text)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", "Change it")
    (told,) = scan(tmp_path)
    assert told.split(" ", 1)[1] == "settings.py: a private key"
    assert KEY not in told


def test_without_a_history_the_files_are_searched(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "theirs.py").write_text(KEY)
    (tmp_path / "ours.py").write_text(f"fine\n{KEY}\n")
    assert scan(tmp_path) == ["ours.py: a private key"]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("AKIA" + "ABCDEFGHIJKLMNOP", "an AWS key"),
        ("'ghp_" + "a1" * 18 + "'", "a GitHub token"),
        ("sk_live" + "_0123456789", "a key of Stripe"),
        ("slip_" + "aB3_" * 11, "a token of this platform"),
        ("12345678:" + "AA" + "x" * 33, "a Telegram bot's token"),
        ("postgres://slipstream:" + "hunter22@db.slipstream.io/books", "a password in an address"),
        ("api_key = '" + "Zq3" * 11 + "'", "a secret in quotes"),
        ("postgres://user:password@host:5432/name", None),
        ("postgres://slipstream:" + "hunter22@127.0.0.1/books", None),
        ("sk_test_0123456789", None),
        ("password = 'correct horse 7'", None),
    ],
)
def test_a_secret_is_told_from_an_example(line: str, kind: str | None) -> None:
    assert kind_of(line) == kind
