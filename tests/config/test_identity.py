"""Accounts elsewhere, by configuration alone: each is offered once its variables are set, and of the others nothing is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from environ import Env

from config import identity

ROOT = Path(__file__).resolve().parents[2]
OPENID = {
    "SLIPSTREAM_OPENID_URL": "https://id.example/.well-known/openid-configuration",
    "SLIPSTREAM_OPENID_CLIENT_ID": "ours",
    "SLIPSTREAM_OPENID_SECRET": "hush",
    "SLIPSTREAM_OPENID_NAME": "The office",
    "SLIPSTREAM_OPENID_LOGIN_ORIGIN": "https://login.example/path",
}
SAML = {
    "SLIPSTREAM_SAML_METADATA_URL": "https://idp.example/metadata",
    "SLIPSTREAM_SAML_ENTITY_ID": "https://idp.example/entity",
    "SLIPSTREAM_SAML_LOGIN_ORIGIN": "https://sso.example",
}


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Return the providers of an environment; the file of Apple's key is there."""
    (tmp_path / "apple.p8").write_text("a key")

    def found(**variables: str) -> dict[str, dict[str, Any]]:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return identity.providers(Env())

    return found


def test_without_variables_there_is_none(configured: Any) -> None:
    assert configured() == {}
    assert (identity.apps({}), identity.origins({})) == ([], [])


def test_google_and_github_are_asked_for_the_least_and_with_pkce(configured: Any) -> None:
    found = configured(SLIPSTREAM_GOOGLE_CLIENT_ID="g", SLIPSTREAM_GOOGLE_SECRET="s", SLIPSTREAM_GITHUB_CLIENT_ID="h")
    assert sorted(found) == ["github", "google"]
    assert (found["google"]["SCOPE"], found["github"]["SCOPE"]) == (["email", "profile"], ["user:email"])
    assert all(one["OAUTH_PKCE_ENABLED"] for one in found.values())
    assert found["google"]["APPS"] == [{"client_id": "g", "secret": "s", "settings": {}}]
    assert identity.origins(found) == ["https://accounts.google.com", "https://github.com"]
    assert identity.apps(found) == [
        "allauth.socialaccount.providers.google",
        "allauth.socialaccount.providers.github",
    ]


def test_apples_words_are_its_own(configured: Any, tmp_path: Path) -> None:
    names = {"CLIENT_ID": "services", "TEAM_ID": "team", "KEY_ID": "key"}
    found = configured(
        SLIPSTREAM_APPLE_KEY_FILE=str(tmp_path / "apple.p8"),
        **{f"SLIPSTREAM_APPLE_{name}": value for name, value in names.items()},
    )
    (app,) = found["apple"]["APPS"]
    assert app == {
        "client_id": "services",
        "secret": "key",
        "key": "team",
        "settings": {"certificate_key": "a key"},
    }


def test_any_openid_provider_is_let_into_the_policy_of_forms(configured: Any) -> None:
    found = configured(**OPENID)
    (app,) = found["openid_connect"]["APPS"]
    assert (app["provider_id"], app["name"], app["client_id"]) == ("openid", "The office", "ours")
    assert found["openid_connect"]["OAUTH_PKCE_ENABLED"]
    # Where it is described and where one logs in; and nothing more of either address.
    assert identity.origins(found) == ["https://id.example", "https://login.example"]
    assert identity.apps(found) == []


@pytest.mark.parametrize("has_library", [True, False])
def test_saml_is_an_extra(configured: Any, monkeypatch: pytest.MonkeyPatch, has_library: bool) -> None:
    monkeypatch.setattr(identity, "HAS_SAML", has_library)
    found = configured(**SAML)
    if not has_library:
        assert found == {}
        return
    (app,) = found["saml"]["APPS"]
    assert app["provider_id"] == app["settings"]["idp"]["entity_id"] == "https://idp.example/entity"
    assert app["settings"]["idp"]["metadata_url"] == "https://idp.example/metadata"
    assert identity.origins(found) == ["https://sso.example"]


def test_a_site_that_is_configured_so_has_their_doors_and_no_others(tmp_path: Path) -> None:
    key = tmp_path / "apple.p8"
    key.write_text("a key")
    script = """
from django.conf import settings
from django.urls import NoReverseMatch, reverse
for name in ("google_login", "github_login", "apple_login", "saml_login"):
    try:
        print(name, reverse(name))
    except NoReverseMatch:
        print(name, "is not there")
print(*settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]["form-action"])
"""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | {
        "SLIPSTREAM_VAR_DIR": str(tmp_path),
        "SLIPSTREAM_GOOGLE_CLIENT_ID": "g",
        "SLIPSTREAM_APPLE_CLIENT_ID": "services",
        "SLIPSTREAM_APPLE_KEY_FILE": str(key),
        "SLIPSTREAM_APPLE_TEAM_ID": "team",
        "SLIPSTREAM_APPLE_KEY_ID": "key",
        **OPENID,
    }
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", script]
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [
        "google_login /accounts/google/login/",
        "github_login is not there",
        "apple_login /accounts/apple/login/",
        "saml_login is not there",
        "'self' https://accounts.google.com https://appleid.apple.com https://id.example https://login.example",
    ], done.stderr
