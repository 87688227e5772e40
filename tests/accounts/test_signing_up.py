"""The terms, asked at every door through which an account is opened, and kept with their version and the time."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from accounts.privacy.models import Consent
from accounts.services import create_person
from accounts.social import SocialAdapter
from accounts.wallets.signing_up import PENDING
from tests.accounts.conftest import NOON, Wall
from tests.accounts.identity import ETHEREUM

PASSWORDS = {"password1": "correct horse 7", "password2": "correct horse 7"}
DOORS = [("/accounts/signup/", PASSWORDS), ("/accounts/signup/passkey/", {}), ("/accounts/wallet/signup/", {})]


@pytest.fixture
def newcomer(client: Client, db: None) -> Client:
    """A browser that has shown a wallet, which the other doors do not look at."""
    session = client.session
    session[PENDING] = {"chain": "ETHEREUM", "address": ETHEREUM.address}
    session.save()
    return client


@pytest.mark.parametrize(("door", "more"), DOORS)
def test_who_signs_up_accepts_the_terms_in_force(
    newcomer: Client, settings: Any, wall: Wall, door: str, more: dict[str, str]
) -> None:
    settings.TERMS_VERSION = "2026-12"
    form = {"email": "dora@example.org", **more}
    assert "I accept the terms of use (version 2026-12)." in newcomer.get(door).content.decode()
    assert "Without the terms there is no account here." in newcomer.post(door, form).content.decode()
    assert not User.objects.exists()
    assert newcomer.post(door, {**form, "terms": "on"}).status_code == 302
    kept = Consent.objects.get()
    assert (kept.user.email, kept.kind, kept.version, kept.given_at) == ("dora@example.org", "TERMS", "2026-12", NOON)
    assert AuditEntry.objects.get(action="consent.given").after == {"kind": "TERMS", "version": "2026-12"}


@pytest.mark.parametrize(("door", "more"), DOORS)
def test_the_terms_can_be_read_before_they_are_accepted(
    newcomer: Client, settings: Any, door: str, more: dict[str, str]
) -> None:
    settings.TERMS_VERSION, settings.TERMS_URL = "2026-12", 'https://slipstream.example/terms?a=1&b="2'
    page = newcomer.get(door).content.decode()
    address = "https://slipstream.example/terms?a=1&amp;b=&quot;2"
    assert (
        f'<a class="link" href="{address}" target="_blank" rel="noopener">terms of use</a> (version 2026-12).' in page
    )
    newcomer.force_login(create_person(email="dora@example.org", password=PASSWORDS["password1"]))
    data = newcomer.get("/settings/data/").content.decode()
    assert f'<a class="link" href="{address}" target="_blank" rel="noopener">Version 2026-12</a>' in data


@pytest.mark.parametrize(("door", "more"), DOORS)
def test_a_site_without_terms_asks_for_none(newcomer: Client, door: str, more: dict[str, str]) -> None:
    assert "terms" not in newcomer.get(door).context["form"].fields
    assert newcomer.post(door, {"email": "dora@example.org", **more}).status_code == 302
    assert (User.objects.count(), Consent.objects.count()) == (1, 0)


@pytest.mark.parametrize(("version", "is_allowed"), [("", True), ("2026-12", False)])
def test_an_account_elsewhere_passes_the_form_by_only_where_nothing_is_asked(
    settings: Any, rf: Any, version: str, is_allowed: bool
) -> None:
    settings.TERMS_VERSION = version
    assert SocialAdapter().is_auto_signup_allowed(rf.get("/"), None) is is_allowed
