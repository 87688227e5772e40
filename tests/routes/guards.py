"""What every answer says to the browser: nothing from elsewhere, nothing inside the page, no frames, no guessing."""

from __future__ import annotations

import re

from tests.routes.world import Answer

STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
# Measured in Chromium: unfold's Alpine.js compiles expressions, and its pages carry style attributes.
OF_THE_ADMIN = STRICT | {"script-src": "'self' 'unsafe-eval'", "style-src": "'self' 'unsafe-inline'"}
# A listing's card stands in other people's pages, and nowhere else does anything of ours.
OF_THE_EMBED = STRICT | {"script-src": "'none'", "frame-ancestors": "*"}
HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_INLINE = {
    "a script in the page": re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", re.IGNORECASE
    ),
    "styles in the page": re.compile(r"<style[\s>]", re.IGNORECASE),
    "a style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    "a handler attribute": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript: address": re.compile(r"(?:href|src|action)\s*=\s*[\"']?\s*javascript:", re.IGNORECASE),
    "something from elsewhere": re.compile(
        r"<(?:script|link|img|iframe|form|source)[^>]*\b(?:src|href|action)=\"(?:https?:)?//"
    ),
}


def _policy(answer: Answer) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer["Content-Security-Policy"].split(";"))
    return {name: value for name, _, value in parts}


def faults_of(answer: Answer, *, is_admin: bool, is_embedded: bool = False) -> list[str]:
    """Return what an answer lacks, or has that it must not have."""
    headers = HEADERS | ({"X-Frame-Options": None} if is_embedded else {})
    found = [name for name, value in headers.items() if answer.get(name) != value]
    policies = (OF_THE_ADMIN, STRICT) if is_admin else (OF_THE_EMBED,) if is_embedded else (STRICT,)
    if _policy(answer) not in policies:
        found.append(f"policy {answer['Content-Security-Policy']}")
    if not is_admin and answer.get("Content-Type", "").startswith("text/html"):
        found += [name for name, pattern in _INLINE.items() if pattern.search(answer.content.decode())]
    return found
