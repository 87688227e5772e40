"""The second factor: set up, used at log-in, fresh for a quarter of an hour, and never got around."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from allauth.mfa.models import Authenticator
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.models import ApiToken, AuditEntry, User
from accounts.second_factor import FactorAdapter, has_fresh_factor, require_fresh_factor
from accounts.services import create_person, issue_token
from common.errors import DomainError
from portfolios.models import ExchangeAccount
from tests.fixtures_factor import SECRET, code_at, code_now, recovery_code, signed_in, with_factor
from tests.fixtures_signer import CREDENTIALS, connected, venue_at

PASSWORD = "correct horse"
TOKENS = "/api/v1/tokens/"


@pytest.fixture
def anna(db: None) -> User:
    """Somebody whose address is confirmed."""
    return create_person(email="anna@example.org", password=PASSWORD)


@pytest.fixture
def guarded(anna: User) -> User:
    return with_factor(anna)


def request_of(client: Client, user: User) -> HttpRequest:
    request = HttpRequest()
    request.user, request.session = user, client.session
    return request


def test_our_phone_shows_what_the_standard_says() -> None:
    """RFC 6238, appendix B."""
    assert [code_at(at, digits=8) for at in (59, 1111111109, 20000000000)] == ["94287082", "07081804", "65353130"]


# --- the gate -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("age", "fresh"), [(0, True), (890, True), (910, False), (None, False)])
def test_a_factor_counts_for_a_quarter_of_an_hour(guarded: User, age: float | None, fresh: bool) -> None:
    assert has_fresh_factor(request_of(signed_in(guarded, factor_age=age), guarded)) is fresh


def test_who_has_none_set_up_is_told_to(anna: User) -> None:
    request = request_of(signed_in(anna, factor_age=0), anna)
    with pytest.raises(DomainError) as refused:
        require_fresh_factor(request)
    assert (refused.value.code, refused.value.status) == ("SECOND_FACTOR_NEEDED", 403)
    assert refused.value.context == {"is_set_up": False}


def test_a_record_of_somebody_else_in_the_session_counts_for_nothing(guarded: User, bob: User) -> None:
    with_factor(bob)
    assert not has_fresh_factor(request_of(signed_in(guarded, factor_age=0), bob))


def test_a_token_never_counts_whatever_the_session_says(guarded: User) -> None:
    request: Any = request_of(signed_in(guarded, factor_age=0), guarded)
    request.auth = ApiToken(user=guarded)
    assert not has_fresh_factor(request)
    with pytest.raises(DomainError, match="token cannot"):
        require_fresh_factor(request)


def test_what_is_stored_does_not_show_the_key(guarded: User) -> None:
    totp = Authenticator.objects.get(user=guarded, type="totp")
    assert SECRET not in repr(totp.data)
    assert FactorAdapter().decrypt(totp.data["secret"]) == SECRET


# --- log-in ---------------------------------------------------------------------------------------------------------
def logged_in(client: Client, user: User) -> str:
    answer = client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    return str(answer["Location"])


def test_a_password_alone_does_not_log_in(guarded: User, client: Client) -> None:
    assert logged_in(client, guarded) == "/accounts/2fa/authenticate/"
    assert client.get(reverse("accounts:profile")).status_code == 302


def test_a_code_logs_in_and_is_fresh(guarded: User, client: Client) -> None:
    logged_in(client, guarded)
    assert client.post(reverse("mfa_authenticate"), {"code": code_now()})["Location"] == "/"
    assert client.get(reverse("accounts:profile")).status_code == 200
    assert has_fresh_factor(request_of(client, guarded))


def test_a_code_opens_once(guarded: User) -> None:
    code = code_now()
    for status in (302, 200):
        client = Client()
        logged_in(client, guarded)
        assert client.post(reverse("mfa_authenticate"), {"code": code}).status_code == status


def test_a_recovery_code_opens_once(guarded: User) -> None:
    code = recovery_code(guarded)
    for status in (302, 200):
        client = Client()
        logged_in(client, guarded)
        assert client.post(reverse("mfa_authenticate"), {"code": code}).status_code == status


def test_guesses_are_counted(guarded: User, client: Client) -> None:
    logged_in(client, guarded)
    for _ in range(5):
        answer = client.post(reverse("mfa_authenticate"), {"code": "000000"})
        assert b"Incorrect code" in answer.content
    assert b"Too many failed" in client.post(reverse("mfa_authenticate"), {"code": code_now()}).content


def test_a_token_by_password_needs_the_code_too(guarded: User) -> None:
    program = APIClient()
    wanted = {"name": "bot", "email": guarded.email, "password": PASSWORD}
    for more, code in (({}, "SECOND_FACTOR_NEEDED"), ({"code": "000000"}, "SECOND_FACTOR_WRONG")):
        answer = program.post(TOKENS, {**wanted, **more}, format="json")
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert not ApiToken.objects.exists()
    assert program.post(TOKENS, {**wanted, "code": code_now()}, format="json").status_code == 201


# --- setting up, and switching off ----------------------------------------------------------------------------------
def test_setting_up_shows_the_recovery_codes_once(anna: User, client: Client) -> None:
    logged_in(client, anna)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret
    assert b"data:image/svg+xml;base64," in page.content
    with pytest.MonkeyPatch.context() as patch:
        # What waits for the commit happens at once.
        patch.setattr("django.db.transaction.on_commit", lambda act, **_: act())
        answer = client.post(reverse("mfa_activate_totp"), {"code": code_now(secret)}, follow=True)
    codes = Authenticator.objects.get(user=anna, type="recovery_codes").wrap().get_unused_codes()
    assert len(codes) == 10
    assert all(code in answer.content.decode() for code in codes)
    assert b'download="slipstream-recovery-codes.txt"' in answer.content
    again = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    assert not any(code in again for code in codes)
    assert (
        list(AuditEntry.objects.filter(action="second_factor.added").values_list("actor", flat=True)) == [anna.pk] * 2
    )


@pytest.mark.parametrize(
    "name",
    ["mfa_deactivate_totp", "mfa_generate_recovery_codes", "mfa_view_recovery_codes", "mfa_download_recovery_codes"],
)
def test_a_session_with_the_password_alone_gets_around_nothing(guarded: User, name: str) -> None:
    """Else whoever has both could make recovery codes of his own."""
    client = signed_in(guarded)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    before = list(Authenticator.objects.values_list("pk", "data"))
    for answer in (client.get(reverse(name)), client.post(reverse(name))):
        assert answer["Location"] == f"/accounts/2fa/reauthenticate/?{urlencode({'next': reverse(name)})}"
    assert list(Authenticator.objects.values_list("pk", "data")) == before


def test_it_is_switched_off_with_itself(guarded: User) -> None:
    client = signed_in(guarded)
    here = reverse("mfa_deactivate_totp")
    asked = client.post(f"{reverse('mfa_reauthenticate')}?next={here}", {"code": code_now(), "next": here})
    assert asked["Location"] == here
    client.post(here)
    assert not Authenticator.objects.filter(user=guarded).exists()


# --- exchange accounts ----------------------------------------------------------------------------------------------
LIVE = {"exchange": "binance-test", "mode": "LIVE", "label": "Real", "credentials": CREDENTIALS}
CONNECT = "/exchange-accounts/connect/binance-test/live/"


def test_a_live_account_is_connected_with_a_fresh_factor_only(guarded: User) -> None:
    venue_at(is_sandbox=False)
    late, fresh = signed_in(guarded, factor_age=901), signed_in(guarded, factor_age=10)
    for answer in (late.get(CONNECT), late.post(CONNECT, {"label": "Real", **CREDENTIALS})):
        assert answer["Location"].startswith("/accounts/2fa/reauthenticate/?next=%2Fexchange-accounts%2Fconnect%2F")
    assert not ExchangeAccount.objects.exists()
    assert CREDENTIALS["secret"] not in repr(dict(late.session))
    assert fresh.get(CONNECT).status_code == 200
    assert fresh.post(CONNECT, {"label": "Real", **CREDENTIALS}).status_code == 302
    assert ExchangeAccount.objects.get().mode == "LIVE"


def test_who_has_none_is_led_to_where_it_is_set_up(anna: User) -> None:
    venue_at(is_sandbox=False)
    assert signed_in(anna, factor_age=0).get(CONNECT)["Location"] == "/accounts/2fa/"


def test_the_api_wants_it_too_and_takes_no_token_for_it(guarded: User) -> None:
    exchange = venue_at(is_sandbox=False)
    url = "/api/v1/exchange-accounts/"
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_token(user=guarded, name='bot')[1]}")
    answer = program.post(url, LIVE, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "SECOND_FACTOR_NEEDED")
    late = signed_in(guarded, factor_age=901).post(url, LIVE, content_type="application/json")
    assert (late.status_code, late.json()["code"]) == (403, "SECOND_FACTOR_NEEDED")
    assert not ExchangeAccount.objects.exists()
    page = signed_in(guarded, factor_age=10)
    assert page.post(url, LIVE, content_type="application/json").status_code == 201
    # A test account is no real money: a program may.
    connected(guarded, exchange, label="Other", mode="SANDBOX")
    account = ExchangeAccount.objects.get(mode="LIVE")
    key = f"{url}{account.pk}/key/"
    answer = program.put(key, {"credentials": CREDENTIALS}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "SECOND_FACTOR_NEEDED")
    assert page.put(key, {"credentials": CREDENTIALS}, content_type="application/json").status_code == 200
    account.refresh_from_db()
    assert account.version == 2
