"""Every way in, gone through in a real browser: passkey, code, recovery code, both wallets, another site's account."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.idp.oidc.models import Client as App
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from accounts.services import create_person
from accounts.wallets.models import Chain, Wallet
from accounts.wallets.services import link_wallet
from tests.accounts.identity import ETHEREUM, SOLANA_ADDRESS, put_wallets_into
from tests.fixtures_factor import code_now, recovery_code, with_factor

PASSWORD = "correct horse 7"
# Longer than the sidebar is wide.
EMIL = "emil-who-comes-with-a-passkey@example.org"


@pytest.fixture
def site(live_server: LiveServer) -> str:
    """The site by a name: no browser keeps a passkey for an address of numbers."""
    return f"http://localhost:{urlsplit(live_server.url).port}"


@pytest.fixture
def dora(transactional_db: None) -> User:
    return create_person(email="dora@example.org", password=PASSWORD)


def log_in(page: Page, site: str) -> None:
    page.goto(f"{site}/accounts/login/")
    page.get_by_label("Email").fill("dora@example.org")
    page.locator("#id_password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def log_out(page: Page, site: str) -> None:
    page.goto(f"{site}/accounts/logout/")
    page.locator("main").get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{site}/")


def expect_in(page: Page, site: str) -> None:
    page.wait_for_url(f"{site}/")
    page.goto(f"{site}/settings/")
    expect(page.get_by_role("heading", name="Account")).to_be_visible()


def with_authenticator(page: Page) -> None:
    """Plug in Chromium's virtual authenticator: one that asks for a finger, and whose finger is there."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def test_a_passkey_is_added_and_logs_in_alone(page: Page, site: str, dora: User) -> None:
    with_authenticator(page)
    log_in(page, site)
    expect_in(page, site)
    page.goto(f"{site}/accounts/2fa/webauthn/add/")
    page.get_by_label("It logs in alone").check()
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text("They are shown this once")).to_be_visible()
    assert Authenticator.objects.get(user=dora, type="webauthn").wrap().is_passwordless
    log_out(page, site)
    page.goto(f"{site}/accounts/login/")
    page.get_by_role("button", name="Use a passkey").click()
    expect_in(page, site)


def test_somebody_signs_up_with_a_passkey_alone(
    page: Page, site: str, transactional_db: None, mailoutbox: list[Any]
) -> None:
    with_authenticator(page)
    page.goto(f"{site}/accounts/signup/passkey/")
    page.get_by_label("Email").fill(EMIL)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Enter the code")).to_be_visible()
    page.get_by_label("Code").fill(re.findall(r"^([A-Z0-9-]{6,9})$", mailoutbox[0].body, re.MULTILINE)[0])
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="Create passkey").click()
    expect_in(page, site)
    emil = User.objects.get(email=EMIL)
    assert not emil.has_usable_password()
    assert (
        page.evaluate(
            "(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)(document.querySelector('.sidebar-foot'))"
        )
        == 0
    )
    page.get_by_role("link", name="Password", exact=True).click()
    expect(page.get_by_role("heading", name="Set a password")).to_be_visible()
    expect(page.get_by_role("link", name="Password", exact=True)).to_have_attribute("aria-current", "page")
    log_out(page, site)
    page.goto(f"{site}/accounts/login/")
    page.get_by_role("button", name="Use a passkey").click()
    expect_in(page, site)


def test_a_code_of_the_app_and_a_recovery_code_log_in(page: Page, site: str, dora: User) -> None:
    with_factor(dora)
    codes: list[Callable[[], str]] = [code_now, lambda: recovery_code(dora)]
    for code in codes:
        log_in(page, site)
        expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
        page.get_by_label("Code").fill(code())
        page.get_by_role("button", name="Log in").click()
        expect_in(page, site)
        log_out(page, site)


@pytest.mark.parametrize(("chain", "address"), [("Ethereum", ETHEREUM.address), ("Solana", SOLANA_ADDRESS)])
def test_a_wallet_is_linked_and_logs_in(page: Page, site: str, dora: User, chain: str, address: str) -> None:
    put_wallets_into(page)
    log_in(page, site)
    expect_in(page, site)
    page.goto(f"{site}/settings/wallets/")
    page.get_by_role("button", name=chain).click()
    expect(page.get_by_role("rowheader", name=chain)).to_be_visible()
    assert Wallet.objects.get(user=dora).address == address
    log_out(page, site)
    page.goto(f"{site}/accounts/login/")
    page.get_by_role("button", name=chain).click()
    expect_in(page, site)


def test_a_new_wallet_signs_up_and_is_linked_once_the_address_is_confirmed(
    page: Page, site: str, transactional_db: None, mailoutbox: list[Any]
) -> None:
    put_wallets_into(page)
    page.goto(f"{site}/accounts/login/")
    page.get_by_role("button", name="Ethereum").click()
    page.get_by_label("E-mail").fill("frida@example.org")
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("heading", name="Enter the code")).to_be_visible()
    assert not Wallet.objects.exists()
    page.get_by_label("Code").fill(re.findall(r"^([A-Z0-9-]{6,9})$", mailoutbox[0].body, re.MULTILINE)[0])
    page.get_by_role("button", name="Confirm").click()
    expect_in(page, site)
    assert Wallet.objects.get().user.email == "frida@example.org"


def test_another_sites_account_logs_in_by_our_own_provider(page: Page, site: str, dora: User, settings: Any) -> None:
    """The site is its own other site: one name asks, the other one, with cookies of its own, tells who somebody is."""
    app = App(id="ours", name="The other site", scopes="openid\nprofile\nemail")
    app.set_redirect_uris([f"{site}/accounts/oidc/openid/login/callback/"])
    app.set_secret("a secret")
    app.save()
    provider = f"http://127.0.0.1:{urlsplit(site).port}"
    assert urlsplit(provider).netloc != urlsplit(site).netloc
    configured = {
        "provider_id": "openid",
        "name": "Elsewhere",
        "client_id": "ours",
        "secret": "a secret",
        "settings": {"server_url": provider},
    }
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [configured], "OAUTH_PKCE_ENABLED": True}}
    policy = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    directives = {**policy, "form-action": [*policy["form-action"], provider]}
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": directives}
    log_in(page, site)
    expect_in(page, site)
    page.goto(f"{site}/accounts/3rdparty/")
    page.get_by_role("button", name="Elsewhere").click()
    for step in ("connect", "log in"):
        if step == "connect":
            page.get_by_label("Email").fill("dora@example.org")
            page.locator("#id_password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="The other site wants to know who you are")).to_be_visible()
        page.get_by_role("button", name="Allow").click()
        if step == "connect":
            page.wait_for_url(f"{site}/accounts/3rdparty/")
            assert SocialAccount.objects.get().uid == str(dora.pk)
            log_out(page, site)
            page.goto(f"{site}/accounts/login/")
            page.get_by_role("button", name="Elsewhere").click()
    expect_in(page, site)


def test_everybody_else_is_logged_out_from_the_page_of_sessions(
    page: Page, site: str, dora: User, new_context: Any
) -> None:
    link_wallet(user=dora, chain=Chain.ETHEREUM, address=ETHEREUM.address)
    other = new_context().new_page()
    for one in (page, other):
        log_in(one, site)
        expect_in(one, site)
    page.goto(f"{site}/accounts/sessions/")
    expect(page.get_by_role("rowheader")).to_have_count(2)
    page.get_by_role("button", name="Log out everywhere else").click()
    expect(page.get_by_role("rowheader")).to_have_count(1)
    other.goto(f"{site}/settings/")
    expect(other.get_by_role("heading", name="Log in")).to_be_visible()
