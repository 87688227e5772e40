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


def faults_of(answer: Answer, *, is_admin: bool) -> list[str]:
    """Return what an answer lacks, or has that it must not have."""
    found = [name for name, value in HEADERS.items() if answer.get(name) != value]
    if _policy(answer) not in ((OF_THE_ADMIN, STRICT) if is_admin else (STRICT,)):
        found.append(f"policy {answer['Content-Security-Policy']}")
    if not is_admin and answer.get("Content-Type", "").startswith("text/html"):
        found += [name for name, pattern in _INLINE.items() if pattern.search(answer.content.decode())]
    return found
