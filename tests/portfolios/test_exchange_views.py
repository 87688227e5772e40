"""The pages and the API of exchange accounts, as their owner and as strangers; the key is in none of the answers."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from portfolios.models import AccountState, ExchangeAccount
from portfolios.services.exchange_accounts import revoke_account
from portfolios.services.key_checks import Finding, claim_checks, record_finding
from tests.fixtures_factor import signed_in
from tests.fixtures_signer import CREDENTIALS, connected, venue_at

CONNECT = "/exchange-accounts/connect/binance-test/sandbox/"
API = "/api/v1/exchange-accounts/"


@pytest.fixture
def account(alice: User) -> ExchangeAccount:
    return connected(alice, venue_at())


@pytest.fixture
def page(alice: User) -> Client:
    return signed_in(alice)


@pytest.fixture
def program(alice: User) -> APIClient:
    client = APIClient()
    client.force_authenticate(alice)
    return client


def found(account: ExchangeAccount, state: AccountState, code: str, *permissions: str) -> None:
    record_finding(claim=claim_checks()[0], finding=Finding(state, code, permissions))
    account.refresh_from_db()


def text(answer: Any) -> str:
    """Return a page's text; what was pasted is never part of it."""
    assert isinstance(answer, HttpResponse)
    shown = answer.content.decode()
    assert CREDENTIALS["secret"] not in shown
    assert CREDENTIALS["api_key"] not in shown
    return shown


def test_the_wizard_says_how_a_key_is_made_and_takes_it(page: Client, alice: User) -> None:
    venue_at()
    assert CONNECT in text(page.get(reverse("exchange_accounts:choose")))
    asked = text(page.get(CONNECT))
    assert "Enable Reading" in asked
    assert "<span>Enable Withdrawals</span>" in asked
    assert "A key that may do this is refused." in asked
    assert asked.count('autocomplete="new-password"') == 2
    answer = page.post(CONNECT, {"label": "Mine", **CREDENTIALS})
    made = ExchangeAccount.objects.get()
    assert (made.owner, made.label, answer["Location"]) == (alice, "Mine", f"/exchange-accounts/{made.pk}/")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"api_key": ""}, "This field is required."),
        ({"secret": "two words"}, "Paste the secret as Binance shows it."),
        ({"secret": "x" * 501}, "This is longer than any key."),
        ({"label": "\x0b"}, "Give the account a name"),
    ],
)
def test_a_wrong_form_comes_back_with_a_sentence_and_without_the_key(
    page: Client, db: None, changes: dict[str, str], sentence: str
) -> None:
    venue_at()
    answer = page.post(CONNECT, {"label": "Mine", **CREDENTIALS, **changes})
    assert answer.status_code == 400
    assert sentence in text(answer) or "This field is required." in text(answer)
    assert "two words" not in text(answer)
    assert not ExchangeAccount.objects.exists()


def test_an_exchange_that_is_not_offered_is_refused(page: Client, db: None) -> None:
    for exchange, mode in (("nowhere", "live"), ("binance-test", "live"), ("binance-test", "paper")):
        venue_at()
        assert page.get(f"/exchange-accounts/connect/{exchange}/{mode}/").status_code == 400


def test_the_status_is_asked_for_until_it_is_known(page: Client, account: ExchangeAccount) -> None:
    here = reverse("exchange_accounts:status", args=[account.pk])
    waiting = text(page.get(here))
    assert "Asking Binance" in waiting
    assert f'hx-get="{here}"' in waiting
    found(account, AccountState.READY, "OK", "READ", "TRADE")
    known = text(page.get(here))
    assert "The key works" in known
    assert "of this key: reads balances and orders · trades." in known
    assert "hx-get" not in known


def test_a_page_that_waited_shows_the_log_of_uses_too_once_it_is_known(page: Client, account: ExchangeAccount) -> None:
    here = reverse("exchange_accounts:status", args=[account.pk])
    assert not page.get(here).has_header("HX-Refresh")
    found(account, AccountState.READY, "OK")
    assert page.get(here)["HX-Refresh"] == "true"


def test_a_refusal_is_told_with_what_to_do(page: Client, account: ExchangeAccount) -> None:
    found(account, AccountState.REFUSED, "KEY_MAY_WITHDRAW", "TRADE", "WITHDRAW")
    shown = text(page.get(f"/exchange-accounts/{account.pk}/"))
    assert "This key may withdraw" in shown
    assert "Make a new one at Binance without that permission" in shown
    assert "Check of the key" in shown
    assert "This key may withdraw" in text(page.get("/exchange-accounts/"))


def test_it_is_checked_again_renamed_given_another_key_and_revoked(page: Client, account: ExchangeAccount) -> None:
    found(account, AccountState.READY, "OK")
    here = f"/exchange-accounts/{account.pk}/"
    page.post(f"{here}check/")
    account.refresh_from_db()
    assert account.state == AccountState.CHECKING
    assert "“Other” now" in text(page.post(f"{here}rename/", {"label": "Other"}, follow=True))
    assert "Give the account a name" in text(page.post(f"{here}rename/", {}, follow=True))
    assert "Put another key in" in text(page.get(f"{here}key/"))
    page.post(f"{here}key/", CREDENTIALS)
    account.refresh_from_db()
    assert (account.label, account.version) == ("Other", 2)
    page.post(f"{here}revoke/")
    assert text(page.get("/exchange-accounts/")).count("Other") == 1  # the message that says so
    assert "Its key is deleted here" in text(page.get(here))
    assert "Revoke “" not in text(page.get(here))


def test_strangers_find_nothing_and_change_nothing(account: ExchangeAccount, bob: User, charlie: User) -> None:
    """The tables of every route ask the same of all; this names what must not have happened."""
    before = ExchangeAccount.objects.values().get()
    here = f"/exchange-accounts/{account.pk}/"
    for client in (signed_in(bob), signed_in(charlie)):
        for part in ("", "status/", "key/"):
            assert client.get(here + part).status_code == 404
        for part in ("check/", "rename/", "key/", "revoke/"):
            assert client.post(here + part, {"label": "Mine", **CREDENTIALS}).status_code == 404
        assert "No account connected" in text(client.get("/exchange-accounts/"))
    assert Client().get(here)["Location"] == f"/accounts/login/?next={here}"
    assert Client().post(f"{here}revoke/")["Location"].startswith("/accounts/login/")
    after = ExchangeAccount.objects.values().get()
    assert {**after, "credentials": bytes(after["credentials"])} == {
        **before,
        "credentials": bytes(before["credentials"]),
    }


# --- the API --------------------------------------------------------------------------------------------------------
def test_the_api_does_all_of_it_and_never_shows_the_key(program: APIClient, db: None) -> None:
    venue_at()
    wanted = {"exchange": "binance-test", "mode": "SANDBOX", "label": "Mine", "credentials": CREDENTIALS}
    made = program.post(API, wanted, format="json")
    assert made.status_code == 201
    facts = made.json()
    assert (facts["state"], facts["code"], facts["key_hint"]) == ("CHECKING", "", "3f9a")
    assert not {"credentials", "secret", "api_key", "seal_key"} & set(facts)
    here = f"{API}{facts['id']}/"
    assert program.patch(here, {"label": "Other"}, format="json").json()["label"] == "Other"
    found(ExchangeAccount.objects.get(), AccountState.REFUSED, "KEY_MAY_NOT_TRADE")
    shown = program.get(here).json()
    assert (shown["state"], shown["code"]) == ("REFUSED", "KEY_MAY_NOT_TRADE")
    assert shown["detail"].startswith("This key may not trade. Allow trading for it at Binance")
    uses = program.get(f"{here}uses/").json()["results"]
    assert [(use["purpose"], use["outcome"]) for use in uses] == [("CHECK", "KEY_MAY_NOT_TRADE")]
    assert program.post(f"{here}check/").status_code == 202
    assert program.put(f"{here}key/", {"credentials": CREDENTIALS}, format="json").json()["state"] == "CHECKING"
    assert [one["label"] for one in program.get(API).json()["results"]] == ["Other"]
    assert program.delete(here).status_code == 204
    assert program.get(here).json()["state"] == "REVOKED"
    assert program.get(API).json()["results"] == []


def test_the_api_lists_where_accounts_can_be_connected(program: APIClient, db: None) -> None:
    venue_at()
    rows = program.get(f"{API}venues/").json()
    assert [(one["exchange"], one["modes"], one["credentials"]) for one in rows] == [
        ("binance-test", ["SANDBOX"], ["api_key", "secret"])
    ]
    assert rows[0]["leave_out"] == ["Enable Withdrawals"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"exchange": "nowhere"}, 400, "EXCHANGE_NOT_CONNECTABLE"),
        ({"mode": "LIVE"}, 400, "MODE_NOT_OFFERED"),
        ({"mode": "PAPER"}, 400, "INVALID_INPUT"),
        ({"credentials": {"api_key": "SECRET key", "secret": "s"}}, 400, "CREDENTIALS_INVALID"),
        ({"credentials": "SECRET"}, 400, "INVALID_INPUT"),
        ({"credentials": {"api_key": ["SECRET"], "secret": 7}}, 400, "INVALID_INPUT"),
        ({"label": ""}, 400, "INVALID_INPUT"),
        ({"label": "Main"}, 409, "LABEL_TAKEN"),
    ],
)
def test_refusals_have_codes_and_never_quote_a_key(
    program: APIClient, account: ExchangeAccount, changes: dict[str, Any], status: int, code: str
) -> None:
    wanted = {"exchange": "binance-test", "mode": "SANDBOX", "label": "Mine", "credentials": CREDENTIALS, **changes}
    answer = program.post(API, wanted, format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert "SECRET" not in answer.content.decode()
    assert ExchangeAccount.objects.count() == 1


def test_a_revoked_account_answers_with_a_code(program: APIClient, account: ExchangeAccount, alice: User) -> None:
    revoke_account(account=account, actor=alice)
    answer = program.post(f"{API}{account.pk}/check/")
    assert (answer.status_code, answer.json()["code"]) == (409, "ACCOUNT_REVOKED")


def test_a_failure_of_ours_is_reported_without_what_was_pasted(
    page: Client, db: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    venue_at()
    settings.DEBUG_PROPAGATE_EXCEPTIONS = False
    page.raise_request_exception = False

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the database is away")

    monkeypatch.setattr("portfolios.services.exchange_accounts.seal", fail)
    with caplog.at_level(logging.DEBUG):
        assert page.post(CONNECT, {"label": "Mine", **CREDENTIALS}).status_code == 500
    assert CREDENTIALS["secret"] not in caplog.text
