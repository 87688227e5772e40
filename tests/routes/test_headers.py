"""What every answer says to the browser: nothing from elsewhere, nothing inside the page, no frames, no guessing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from tests.routes.bodies import bodies
from tests.routes.routes import all_routes
from tests.routes.tables import rows_of
from tests.routes.world import PASSWORD, Answer, World, send

ROOT = Path(__file__).resolve().parents[2]
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


def _faults(answer: Answer, *, is_admin: bool) -> list[str]:
    """Return what an answer lacks, or has that it must not have."""
    found = [name for name, value in HEADERS.items() if answer.get(name) != value]
    if _policy(answer) not in ((OF_THE_ADMIN, STRICT) if is_admin else (STRICT,)):
        found.append(f"policy {answer['Content-Security-Policy']}")
    if not is_admin and answer.get("Content-Type", "").startswith("text/html"):
        found += [name for name, pattern in _INLINE.items() if pattern.search(answer.content.decode())]
    return found


@pytest.mark.parametrize("asker", ["nobody", "charlie", "alice", "operator"])
def test_every_answer_is_guarded(world: World, asker: str) -> None:
    sent, faults, pages = bodies(world), {}, 0
    for route in all_routes():
        for row in rows_of(route):
            answer = world.ask(route, row.method, asker, sent.get((route.name, row.method)))
            pages += answer.get("Content-Type", "").startswith("text/html") and answer.status_code == 200
            if found := _faults(answer, is_admin=route.is_admin):
                faults[f"{row.method} {route.name} {answer.status_code}"] = found
    assert faults == {}
    assert pages > 10


@pytest.mark.parametrize("path", ["/nowhere/", "/api/v1/nowhere/", "/static/nowhere.js", "/accounts/nowhere/"])
def test_what_is_not_there_is_guarded_as_well(world: World, path: str) -> None:
    answer = send(world.browser("nobody"), "GET", path)
    assert (answer.status_code, _faults(answer, is_admin=False)) == (404, [])


def test_what_fails_is_guarded_as_well(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure of ours tells nobody how it came about."""

    def fail(*args: object, **facts: object) -> None:
        raise RuntimeError("secret-of-the-house")

    monkeypatch.setattr("portfolios.views.portfolios_of", fail)
    monkeypatch.setattr("portfolios.api.portfolios_of", fail)
    for client, path, kind in (
        (world.browser("alice"), "/portfolios/", "text/html; charset=utf-8"),
        (world.program("alice"), "/api/v1/portfolios/", "application/problem+json"),
    ):
        answer = send(client, "GET", path)
        assert (answer.status_code, answer["Content-Type"], _faults(answer, is_admin=False)) == (500, kind, [])
        assert b"secret-of-the-house" not in answer.content
        assert b"Traceback" not in answer.content


def test_what_one_person_sees_is_kept_by_no_cache_between(world: World) -> None:
    careless = []
    for route in all_routes():
        for row in rows_of(route):
            if row.method != "GET" or row.answers["nobody"] == row.answers["alice"] == "200":
                continue
            answer = world.ask(route, "GET", "alice")
            told = f"{answer.get('Vary', '')} {answer.get('Cache-Control', '')}"
            if answer.status_code == 200 and not re.search("Cookie|Authorization|private|no-store", told):
                careless.append(route.name)
    assert careless == []


# --- cookies --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("secure", [False, True])
def test_cookies_are_for_this_site_alone(world: World, secure: bool) -> None:
    with override_settings(SESSION_COOKIE_SECURE=secure, CSRF_COOKIE_SECURE=secure):
        browser = world.browser("nobody")
        browser.get("/accounts/login/", secure=secure)
        login = {"login": "charlie@example.org", "password": PASSWORD}
        assert browser.post("/accounts/login/", login, secure=secure).status_code == 302
        browser.post("/settings/", {"display_name": "Charlie", "handle": "charlie", "bio": ""}, secure=secure)
    held = {name: one for name, one in browser.cookies.items() if one.value}
    assert sorted(held) == sorted([settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, "device", "messages"])
    assert {name: (one["samesite"], bool(one["secure"])) for name, one in held.items()} == dict.fromkeys(
        held, ("Lax", secure)
    )
    # Scripts of our own pages read the CSRF token; they need none of the others.
    assert [name for name, one in held.items() if not one["httponly"]] == [settings.CSRF_COOKIE_NAME]


# --- production -----------------------------------------------------------------------------------------------------
def _production(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return kept | {
        "SLIPSTREAM_VAR_DIR": str(settings.VAR_DIR / "production"),
        "SLIPSTREAM_SITE_URL": "https://trade.example",
        "SLIPSTREAM_ALLOWED_HOSTS": "trade.example",
        "SLIPSTREAM_SECRET_KEY": "5f1c" * 20 + "zqKw",
        **more,
    }


def _manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command, check=False, cwd=ROOT, env=_production(**environment), capture_output=True, text=True, timeout=60
    )


def test_production_settings_pass_djangos_own_check() -> None:
    done = _manage("check", "--deploy", "--fail-level", "WARNING")
    assert (done.returncode, done.stderr) == (0, "")


def test_production_answers_over_https_only() -> None:
    script = (
        "from django.conf import settings as s; "
        "print(s.DEBUG, s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.SECURE_HSTS_SECONDS,"
        " s.SECURE_PROXY_SSL_HEADER, s.USE_X_FORWARDED_HOST, s.ALLOWED_HOSTS)"
    )
    done = _manage("shell", "--verbosity", "0", "--command", script)
    assert done.stdout.strip() == "False True True True 31536000 None False ['trade.example']"


def test_the_secret_that_is_made_here_is_its_owners_alone() -> None:
    done = _manage("check", SLIPSTREAM_SECRET_KEY="", SLIPSTREAM_VAR_DIR=str(settings.VAR_DIR / "fresh"))
    assert done.returncode == 0, done.stderr
    secret = Path(settings.VAR_DIR) / "fresh" / "secret_key"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert len(secret.read_text()) >= 50
