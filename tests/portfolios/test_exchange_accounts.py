"""Exchange accounts: connected, renamed, given another key, revoked; the gate; and that no key comes out anywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from accounts.models import AuditEntry, Limit, LimitName, Notification, User
from accounts.services import ensure_default_plan, erase_person, export_personal_data
from common import clock
from common.errors import DomainError, NotFound
from common.ids import new_id
from markets.gateway.venues import VENUES
from portfolios.exchange_words import FINDINGS, GUIDES, words_for
from portfolios.margin_models import AccountFunding, VenueTerms
from portfolios.models import AccountMode, AccountState, ExchangeAccount
from portfolios.selectors import (
    connectable_exchange,
    connectable_exchanges,
    exchange_account_for_user,
    exchange_accounts_of,
    modes_of,
)
from portfolios.services.exchange_accounts import (
    connect_account,
    rename_account,
    replace_key,
    request_check,
    revoke_account,
)
from portfolios.services.key_checks import Finding, claim_checks, record_finding
from tests.fixtures_desk import NOON, Desk
from tests.fixtures_signer import CREDENTIALS, PUBLIC, connected, signer_keys, venue_at
from trading.signer.running import credentials_of

pytestmark = pytest.mark.django_db
READY = Finding(AccountState.READY, "OK", ("READ", "TRADE"))


@pytest.fixture
def account(alice: User) -> ExchangeAccount:
    return connected(alice, venue_at())


def refused(code: str, act: Any, **arguments: Any) -> DomainError:
    with pytest.raises(DomainError) as raised:
        act(**arguments)
    assert raised.value.code == code
    return raised.value


def test_what_is_connected_is_sealed_and_waits_for_its_check(account: ExchangeAccount, alice: User) -> None:
    stored = ExchangeAccount.objects.get()
    assert (stored.owner, stored.label, stored.mode, stored.state) == (alice, "Main", "SANDBOX", "CHECKING")
    assert (stored.seal_key, stored.key_hint, stored.version) == (PUBLIC.id, "3f9a", 1)
    assert stored.check_due_at is not None
    assert (stored.check_due_at <= clock.wall_now(), stored.claimed_until) == (True, None)
    assert credentials_of(stored, signer_keys()).secret == CREDENTIALS["secret"]
    assert bytes(stored.credentials)[:4] == b"SLK\x01"


def test_it_is_written_down_and_told_without_the_key(account: ExchangeAccount, alice: User) -> None:
    entry = AuditEntry.objects.get(action="exchange_account.connected")
    assert entry.after == {"exchange": "binance-test", "mode": "SANDBOX", "version": 1}
    told = Notification.objects.get(user=alice)
    assert (told.event, told.context["label"]) == ("exchange_account.connected", "Main")
    assert "MAIL" in told.deliveries.values_list("channel", flat=True)


def test_the_gate_lets_the_owner_alone_pass(account: ExchangeAccount, alice: User, bob: User, charlie: User) -> None:
    assert exchange_account_for_user(alice, account.pk) == account
    for asker in (bob, charlie, None):
        with pytest.raises(NotFound):
            exchange_account_for_user(asker, account.pk)
    for nothing in (new_id(), "x", ""):
        with pytest.raises(NotFound):
            exchange_account_for_user(alice, nothing)


@pytest.mark.parametrize(
    ("credentials", "field"),
    [
        ({"secret": CREDENTIALS["secret"]}, "api_key"),
        ({**CREDENTIALS, "api_key": "  "}, "api_key"),
        ({**CREDENTIALS, "api_key": "k" * 501}, "api_key"),
        ({**CREDENTIALS, "secret": "SECRET two words"}, "secret"),
        ({**CREDENTIALS, "secret": "SECRET\x00"}, "secret"),
        ({**CREDENTIALS, "secret": "SECRETé"}, "secret"),
        ({**CREDENTIALS, "secret": "SECRET\r\nHost: elsewhere"}, "secret"),
    ],
)
def test_what_cannot_be_a_key_is_refused_without_being_quoted(
    alice: User, credentials: dict[str, str], field: str
) -> None:
    error = refused("CREDENTIALS_INVALID", connected, owner=alice, exchange=venue_at(), credentials=credentials)
    assert error.context == {"field": field}
    assert "SECRET" not in f"{error} {error.context}"
    assert not ExchangeAccount.objects.exists()


def test_a_secret_that_its_venue_could_not_have_made_never_reaches_the_library(alice: User) -> None:
    kraken = venue_at(dialect="kraken")
    for secret in ("not base64!", "SECRETSECRE", "===="):
        refused(
            "CREDENTIALS_INVALID",
            connected,
            owner=alice,
            exchange=kraken,
            credentials={**CREDENTIALS, "secret": secret},
        )
    assert connected(alice, kraken).state == AccountState.CHECKING


def test_blanks_around_a_pasted_key_do_no_harm(alice: User) -> None:
    pasted = {name: f" {value}\n" for name, value in CREDENTIALS.items()}
    account = connected(alice, venue_at(), credentials=pasted)
    assert credentials_of(account, signer_keys()).api_key == CREDENTIALS["api_key"]


@pytest.mark.parametrize("label", ["", "   ", "x" * 61, "a\x00b", "a\u202eb"])
def test_a_name_nobody_can_read_is_refused(alice: User, label: str) -> None:
    refused("LABEL_INVALID", connected, owner=alice, exchange=venue_at(), label=label)


def test_a_name_is_the_owners_once(account: ExchangeAccount, alice: User, bob: User) -> None:
    refused("LABEL_TAKEN", connected, owner=alice, exchange=account.exchange, label=" Main ")
    assert connected(bob, account.exchange).label == "Main"
    with pytest.raises(IntegrityError), transaction.atomic():
        ExchangeAccount.objects.create(owner=alice, exchange=account.exchange, label="Main", credentials=b"")
    revoke_account(account=account, actor=alice)
    assert connected(alice, account.exchange).label == "Main"


def test_a_plan_limits_how_many_there_are(account: ExchangeAccount, alice: User) -> None:
    Limit.objects.update_or_create(plan=ensure_default_plan(), name=LimitName.EXCHANGE_ACCOUNTS, defaults={"value": 2})
    second = connected(alice, account.exchange, label="Second")
    refused("LIMIT_REACHED", connected, owner=alice, exchange=account.exchange, label="Third")
    revoke_account(account=second, actor=alice)
    assert connected(alice, account.exchange, label="Third").label == "Third"


def test_without_the_signers_key_nothing_is_stored(alice: User, settings: Settings) -> None:
    settings.SIGNER_PUBLIC_KEY, settings.SIGNER_KEY_FILE = "", ""
    refused("SIGNER_NOT_SET_UP", connected, owner=alice, exchange=venue_at())
    assert not ExchangeAccount.objects.exists()


def test_another_key_begins_anew(account: ExchangeAccount, alice: User) -> None:
    record_finding(claim=claim_checks()[0], finding=READY)
    held = replace_key(account=account, actor=alice, credentials={**CREDENTIALS, "api_key": "x" * 20 + "beef"})
    assert (held.state, held.code, held.permissions, held.version) == ("CHECKING", "", [], 2)
    assert (held.key_hint, held.attempts) == ("beef", 0)
    assert credentials_of(held, signer_keys()).api_key.endswith("beef")
    assert AuditEntry.objects.filter(action="exchange_account.rekeyed", actor=alice).count() == 1


def test_a_refused_key_leaves_the_one_before_in_place(account: ExchangeAccount, alice: User) -> None:
    before = bytes(account.credentials)
    refused("CREDENTIALS_INVALID", replace_key, account=account, actor=alice, credentials={})
    account.refresh_from_db()
    assert (bytes(account.credentials), account.version) == (before, 1)


def test_a_revoked_account_keeps_no_key_and_takes_none(account: ExchangeAccount, alice: User) -> None:
    for _ in range(2):
        revoke_account(account=account, actor=alice)
    account.refresh_from_db()
    assert (account.state, bytes(account.credentials), account.seal_key, account.key_hint) == ("REVOKED", b"", "", "")
    assert account.check_due_at is None
    assert list(exchange_accounts_of(alice)) == []
    assert AuditEntry.objects.filter(action="exchange_account.revoked").count() == 1
    refused("ACCOUNT_REVOKED", replace_key, account=account, actor=alice, credentials=CREDENTIALS)
    refused("ACCOUNT_REVOKED", rename_account, account=account, actor=alice, label="Other")
    refused("ACCOUNT_REVOKED", request_check, account=account, actor=alice)
    assert claim_checks() == []


def test_a_check_is_asked_for_once_however_often(account: ExchangeAccount, alice: User) -> None:
    record_finding(claim=claim_checks()[0], finding=READY)
    assert claim_checks() == []
    for _ in range(3):
        request_check(account=account, actor=alice)
    claims = claim_checks()
    assert [claim.account.attempts for claim in claims] == [1]
    # One that is under way is neither moved nor doubled.
    request_check(account=account, actor=alice)
    assert claim_checks() == []
    assert record_finding(claim=claims[0], finding=READY)


def test_a_check_that_waits_for_its_next_try_can_be_hurried(account: ExchangeAccount, alice: User) -> None:
    later = Finding(AccountState.CHECKING, "VENUE_UNREACHABLE", next_try_at=datetime(2100, 1, 1, tzinfo=UTC))
    record_finding(claim=claim_checks()[0], finding=later)
    assert claim_checks() == []
    request_check(account=account, actor=alice)
    assert len(claim_checks()) == 1


def test_every_use_is_written_down_before_it_happens(account: ExchangeAccount) -> None:
    claim = claim_checks()[0]
    assert [(use.purpose, use.outcome) for use in account.uses.all()] == [("CHECK", "")]
    record_finding(claim=claim, finding=Finding(AccountState.REFUSED, "KEY_MAY_WITHDRAW", ("TRADE", "WITHDRAW")))
    assert [(use.purpose, use.outcome) for use in account.uses.all()] == [("CHECK", "KEY_MAY_WITHDRAW")]
    account.refresh_from_db()
    assert account.last_used_at == account.uses.get().at


def test_claiming_takes_the_same_statements_for_many(alice: User, django_assert_num_queries: Any) -> None:
    exchange = venue_at()
    connected(alice, exchange, label="First")
    with django_assert_num_queries(6):  # the savepoint's two, and four
        assert len(claim_checks()) == 1
    for number in range(7):
        connected(alice, exchange, label=str(number))
    with django_assert_num_queries(6):
        assert len(claim_checks()) == 7


def test_an_export_holds_the_account_and_never_its_key(account: ExchangeAccount, alice: User) -> None:
    claim_checks()
    kept = export_personal_data(user=alice)["portfolios"]
    assert [(one["label"], one["exchange__code"]) for one in kept["exchange_accounts"]] == [("Main", "binance-test")]
    assert [one["purpose"] for one in kept["exchange_account_uses"]] == ["CHECK"]
    assert "credentials" not in repr(kept)


def test_an_export_holds_what_a_venue_paid_and_was_asked_for(account: ExchangeAccount, alice: User, bob: User) -> None:
    bitcoin = Desk().instrument()
    moment = {"happened_at": NOON, "recorded_at": NOON}
    AccountFunding.objects.create(account=account, payment_id="7", instrument=bitcoin, amount=Decimal("-0.5"), **moment)
    VenueTerms.objects.create(account=account, instrument=bitcoin, leverage=5, margin_mode="CROSS", asked_at=NOON)
    kept, other = (export_personal_data(user=one)["portfolios"] for one in (alice, bob))
    [paid], [terms] = kept["exchange_account_funding"], kept["exchange_account_terms"]
    assert (paid["account_id"], paid["instrument__symbol"], paid["amount"]) == (account.pk, "BTC-USDT", Decimal("-0.5"))
    assert (terms["account_id"], terms["leverage"], terms["margin_mode"]) == (account.pk, 5, "CROSS")
    assert other["exchange_account_funding"] == other["exchange_account_terms"] == []


def test_who_leaves_leaves_no_key_behind(account: ExchangeAccount, alice: User) -> None:
    erase_person(user=alice)
    account.refresh_from_db()
    assert (account.state, bytes(account.credentials)) == ("REVOKED", b"")
    assert account.label == f"Account {account.pk.hex}"


# --- what can be connected ------------------------------------------------------------------------------------------
def test_only_what_can_tell_what_a_key_may_do_is_offered(db: None) -> None:
    real, test, silent = (
        venue_at(dialect="okx", is_sandbox=False),
        venue_at(),
        venue_at(dialect="hyperliquid", is_sandbox=False),
    )
    assert modes_of(real) == [AccountMode.LIVE, AccountMode.SANDBOX]
    assert modes_of(test) == [AccountMode.SANDBOX]
    assert modes_of(silent) == []
    assert modes_of(venue_at(dialect="kraken", is_sandbox=False)) == [AccountMode.LIVE]
    assert silent not in [one for one, _ in connectable_exchanges()]


@pytest.mark.parametrize(
    ("exchange", "mode", "code"),
    [
        ("nowhere", "LIVE", "EXCHANGE_NOT_CONNECTABLE"),
        ("binance-test", "LIVE", "MODE_NOT_OFFERED"),
        ("binance-test", "", "MODE_NOT_OFFERED"),
    ],
)
def test_what_is_not_offered_is_refused(db: None, exchange: str, mode: str, code: str) -> None:
    venue_at()
    refused(code, partial(connectable_exchange, exchange, mode))


def test_every_venue_that_can_be_connected_is_explained() -> None:
    assert set(GUIDES) == {code for code, venue in VENUES.items() if venue.key_report}
    assert {code: set(guide.labels) for code, guide in GUIDES.items()} == {
        code: set(VENUES[code].credentials) for code in GUIDES
    }


def test_every_finding_reads_as_words_with_the_venues_name(account: ExchangeAccount) -> None:
    for code in FINDINGS:
        account.code, account.state = code, AccountState.REFUSED
        words = words_for(account)
        assert "{" not in words.title + words.advice
    account.code, account.state = "VENUE_UNREACHABLE", AccountState.FAILED
    assert words_for(account).title == "Binance did not answer"
    account.code, account.state = "", AccountState.CHECKING
    assert words_for(account).title == "Asking Binance"


def test_a_live_account_is_stored_as_one(alice: User) -> None:
    account = connect_account(
        owner=alice,
        exchange=venue_at(is_sandbox=False),
        mode=AccountMode.LIVE,
        label="Real",
        credentials=CREDENTIALS,
    )
    assert account.mode == AccountMode.LIVE
