"""What no password may be: one that a breach has made known. The list lies on this machine; nothing of a password leaves it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError

MESSAGE = "This password is known from a breach elsewhere: whoever guesses tries it first. Choose another."
# A line of the file is a SHA-1 sum in hexadecimal, a colon and how often it was seen.
_DIGITS = 40
_LONGEST_LINE = 64


class BreachedPasswordValidator:
    """Refuses what the file of the setting BREACHED_PASSWORDS lists: SHA-1 sums in order, one a line ("ABC…:42").

    It is searched where it lies, by halves: some 40 short reads in the full list of 40 GB, and no memory.
    """

    def validate(self, password: str, user: object = None) -> None:
        if settings.BREACHED_PASSWORDS and is_listed(Path(settings.BREACHED_PASSWORDS), password):
            raise ValidationError(MESSAGE, code="password_breached")

    def get_help_text(self) -> str:
        return "Your password must not be known from a breach."


def is_listed(path: Path, password: str) -> bool:
    """Tell whether a file of SHA-1 sums in ascending order holds this password's; raises OSError where it cannot be read."""
    # The list's own form; it guards nothing, it only finds a line.
    wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
    with path.open("rb") as file:
        low, high = 0, file.seek(0, 2)
        while low < high:
            middle = (low + high) // 2
            # The line that begins at or after the middle; the very first one needs no search for its beginning.
            file.seek(max(0, middle - 1))
            if middle:
                file.readline(_LONGEST_LINE)
            begins = file.tell()
            found = file.readline(_LONGEST_LINE)[:_DIGITS].upper()
            if found == wanted:
                return True
            if found and found < wanted:
                low = begins + 1
            else:
                high = middle
    return False
