"""Breached passwords, found in a list of SHA-1 sums where it lies."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.passwords import BreachedPasswordValidator, is_listed


def listed(path: Path, passwords: list[str]) -> Path:
    sums = sorted(hashlib.sha1(one.encode()).hexdigest().upper() for one in passwords)
    path.write_text("".join(f"{one}:{number}\r\n" for number, one in enumerate(sums, 1)))
    return path


@pytest.mark.parametrize("size", [0, 1, 2, 3, 100])
def test_every_listed_password_is_found_and_no_other(tmp_path: Path, size: int) -> None:
    passwords = [f"password {number}" for number in range(size)]
    path = listed(tmp_path / "sums", passwords)
    assert [one for one in passwords if not is_listed(path, one)] == []
    assert not any(is_listed(path, f"another {number}") for number in range(50))


def test_the_validator_refuses_by_the_configured_list(tmp_path: Path, settings: Any) -> None:
    settings.BREACHED_PASSWORDS = ""
    BreachedPasswordValidator().validate("correct horse 7")
    settings.BREACHED_PASSWORDS = str(listed(tmp_path / "sums", ["correct horse 7"]))
    with pytest.raises(ValidationError) as refused:
        BreachedPasswordValidator().validate("correct horse 7")
    assert refused.value.code == "password_breached"
    BreachedPasswordValidator().validate("correct horse 8")
