"""What is not there, what fails, and what production serves is guarded as every other answer is (guards.py, test_table.py)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from tests.routes.guards import faults_of
from tests.routes.routes import all_routes
from tests.routes.tables import rows_of
from tests.routes.world import PASSWORD, World, send

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", ["/nowhere/", "/api/v1/nowhere/", "/static/nowhere.js", "/accounts/nowhere/"])
def test_what_is_not_there_is_guarded_as_well(world: World, path: str) -> None:
    answer = send(world.browser("nobody"), "GET", path)
    assert (answer.status_code, faults_of(answer, is_admin=False)) == (404, [])


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
        assert (answer.status_code, answer["Content-Type"], faults_of(answer, is_admin=False)) == (500, kind, [])
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
