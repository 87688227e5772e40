"""The signer against a whole test exchange, in two dialects: what it finds of each key, what faults do, what a kill leaves."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from accounts.models import Notification, User
from accounts.sealing import PublicKey, open_sealed, public_key_of, seal
from common import clock
from common.bus import bus
from common.limiter import limiter
from markets import health
from portfolios.exchange_words import words_for
from portfolios.models import AccountState, ExchangeAccount, ExchangeAccountUse, KeyPurpose
from portfolios.services.exchange_accounts import replace_key, request_check, revoke_account, seal_context
from portfolios.services.key_checks import CLAIM_SECONDS, Finding, claim_checks, record_finding
from sandbox.core.keys import ApiKey, Permission
from sandbox.faults import Fault, FaultKind
from sandbox.server import ServerThread
from sandbox.venue import READ_AND_TRADE
from tests.fixtures_exchange import opened
from tests.fixtures_signer import CREDENTIALS, PRIVATE, PUBLIC, Reached, connected, signer_keys
from trading.signer.keys import LocalKeys
from trading.signer.probing import MOST_ATTEMPTS
from trading.signer.running import Signer, credentials_of, reseal_all

pytestmark = pytest.mark.django_db(transaction=True)
# The test exchange's name for what speaks each dialect.
DIALECTS = ("binance", "binanceusdm", "kraken")
OTHER = bytes(range(32, 64))


@pytest.fixture(autouse=True)
def fresh_health() -> Iterator[None]:
    """Forget breakers and limits of other tests."""
    health.breaker.cache_clear()
    limiter.cache_clear()
    bus().board_drop(health.BOARD)
    yield
    bus().board_drop(health.BOARD)


@pytest.fixture
def later() -> Iterator[list[timedelta]]:
    """Let wall time jump ahead: what a test appends is added to it."""
    jumps: list[timedelta] = []
    system = clock._system_now
    clock.use_wall_clock(lambda: system() + sum(jumps, timedelta()))
    yield jumps
    clock.use_wall_clock(None)


def key_of(venue: ServerThread, dialect: str, permissions: frozenset[Permission] = READ_AND_TRADE) -> ApiKey:
    return opened(venue, dialect.removesuffix("usdm"), permissions=permissions)


def checked(account: ExchangeAccount, *, rounds: int = 1) -> ExchangeAccount:
    """Let a fresh signer work and return the account as it then is."""

    async def work() -> None:
        signer = Signer(signer_keys())
        try:
            for _ in range(rounds):
                await signer.work_once()
        finally:
            await signer.close()

    asyncio.run(work())
    account.refresh_from_db()
    return account


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_key_that_reads_and_trades_is_ready(venue: ServerThread, reached: Reached, alice: User, dialect: str) -> None:
    account = checked(connected(alice, reached(dialect), key=key_of(venue, dialect)))
    assert (account.state, account.code, account.permissions) == ("READY", "OK", ["READ", "TRADE"])
    assert account.check_due_at is None
    assert account.claimed_until is None
    assert [(use.purpose, use.outcome) for use in account.uses.all()] == [("CHECK", "OK")]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_key_that_may_withdraw_is_refused(venue: ServerThread, reached: Reached, alice: User, dialect: str) -> None:
    account = checked(connected(alice, reached(dialect), key=key_of(venue, dialect, frozenset(Permission))))
    assert (account.state, account.code) == ("REFUSED", "KEY_MAY_WITHDRAW")
    assert account.permissions == ["TRADE", "WITHDRAW"]
    assert Notification.objects.filter(user=alice, event="exchange_account.refused").count() == 1


def test_an_account_in_hedge_mode_is_refused_until_it_is_one_way(
    venue: ServerThread, reached: Reached, alice: User
) -> None:
    key, books = key_of(venue, "binanceusdm"), venue.venue("binance").futures.books
    venue.call(lambda: books.set_hedged(key.account, is_hedged=True))
    account = checked(connected(alice, reached("binanceusdm"), key=key))
    assert (account.state, account.code) == ("REFUSED", "HEDGE_MODE")
    assert "One-way Mode" in words_for(account).advice
    venue.call(lambda: books.set_hedged(key.account, is_hedged=False))
    request_check(actor=alice, account=account)
    assert checked(account).state == "READY"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_key_that_may_not_trade_is_refused(venue: ServerThread, reached: Reached, alice: User, dialect: str) -> None:
    key = key_of(venue, dialect, frozenset({Permission.READ}))
    account = checked(connected(alice, reached(dialect), key=key))
    assert (account.state, account.code) == ("REFUSED", "KEY_MAY_NOT_TRADE")


@pytest.mark.parametrize(
    ("dialect", "code"),
    [("binance", "KEY_OR_ADDRESS_REFUSED"), ("kraken", "KEY_UNKNOWN"), ("binanceusdm", "KEY_OR_ADDRESS_REFUSED")],
)
def test_a_key_the_venue_does_not_know_is_refused(reached: Reached, alice: User, dialect: str, code: str) -> None:
    account = checked(connected(alice, reached(dialect)))
    assert (account.state, account.code) == ("REFUSED", code)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_wrong_secret_is_refused_as_that(venue: ServerThread, reached: Reached, alice: User, dialect: str) -> None:
    credentials = {"api_key": key_of(venue, dialect).key, "secret": key_of(venue, dialect).secret}
    account = checked(connected(alice, reached(dialect), credentials=credentials))
    assert (account.state, account.code) == ("REFUSED", "SECRET_WRONG")


@pytest.mark.parametrize(
    ("dialect", "code"), [("binance", "KEY_OR_ADDRESS_REFUSED"), ("kraken", "ADDRESS_NOT_ALLOWED")]
)
def test_a_key_bound_to_another_address_is_refused(
    venue: ServerThread, reached: Reached, alice: User, dialect: str, code: str
) -> None:
    key = key_of(venue, dialect)
    key.addresses = frozenset({"10.0.0.7"})
    account = checked(connected(alice, reached(dialect), key=key))
    assert (account.state, account.code) == ("REFUSED", code)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_key_bound_to_our_address_is_ready_and_says_so(
    venue: ServerThread, reached: Reached, alice: User, dialect: str
) -> None:
    key = key_of(venue, dialect)
    key.addresses = frozenset({"127.0.0.1"})
    account = checked(connected(alice, reached(dialect), key=key))
    assert (account.state, account.permissions) == ("READY", ["READ", "TRADE", "ADDRESS_BOUND"])


def test_a_clock_that_is_off_is_measured_and_allowed_for(venue: ServerThread, reached: Reached, alice: User) -> None:
    skewed = Fault(FaultKind.CLOCK_SKEW, milliseconds=60_000)
    venue.call(lambda: venue.venue("binance").faults.switch_on(skewed))
    account = checked(connected(alice, reached("binance"), key=key_of(venue, "binance")))
    assert (account.state, account.code) == ("READY", "OK")


def test_a_clock_that_cannot_be_measured_is_explained(venue: ServerThread, reached: Reached, alice: User) -> None:
    account = connected(alice, reached("binance"), key=key_of(venue, "binance"))
    faults = venue.venue("binance").faults
    for fault in (
        Fault(FaultKind.CLOCK_SKEW, milliseconds=60_000),
        Fault(FaultKind.SERVER_ERROR, where="GET /api/v3/time"),
    ):
        venue.call(lambda fault=fault: faults.switch_on(fault))  # type: ignore[misc] # the loop's own
    account = checked(account)
    assert (account.state, account.code) == ("CHECKING", "CLOCK_SKEWED")
    ExchangeAccount.objects.update(check_due_at=clock.wall_now(), attempts=MOST_ATTEMPTS - 1)
    account = checked(account)
    assert (account.state, account.code, account.check_due_at) == ("FAILED", "CLOCK_SKEWED", None)


def test_a_key_that_another_program_uses_is_explained(venue: ServerThread, reached: Reached, alice: User) -> None:
    key = key_of(venue, "kraken")
    key.last_nonce = 10**20
    account = checked(connected(alice, reached("kraken"), key=key))
    assert (account.state, account.code) == ("CHECKING", "KEY_USED_ELSEWHERE")


def test_a_venue_that_is_away_is_asked_again_and_the_key_is_not_to_blame(
    venue: ServerThread, reached: Reached, alice: User, later: list[timedelta]
) -> None:
    account = connected(alice, reached("binance"), key=key_of(venue, "binance"))
    venue.hide()
    try:
        account = checked(account)
    finally:
        venue.show()
    assert (account.state, account.code, account.attempts) == ("CHECKING", "VENUE_UNREACHABLE", 1)
    assert account.check_due_at is not None
    assert timedelta(0) < account.check_due_at - clock.wall_now() <= timedelta(seconds=2)
    assert checked(account).attempts == 1  # not due yet
    later.append(timedelta(seconds=30))
    assert checked(account).state == AccountState.READY


def test_tries_come_further_and_further_apart_and_then_end(venue: ServerThread, reached: Reached, alice: User) -> None:
    account = connected(alice, reached("binance"), key=key_of(venue, "binance"))
    fault = Fault(FaultKind.SERVER_ERROR, status=502)
    venue.call(lambda: venue.venue("binance").faults.switch_on(fault))
    ExchangeAccount.objects.update(attempts=4)
    account = checked(account)
    assert account.check_due_at is not None
    # The fifth try: 2 s doubled four times, and drawn from its upper half.
    assert timedelta(seconds=14) < account.check_due_at - clock.wall_now() <= timedelta(seconds=32)
    ExchangeAccount.objects.update(check_due_at=clock.wall_now(), attempts=MOST_ATTEMPTS - 1)
    account = checked(account)
    assert (account.state, account.code, account.check_due_at) == ("FAILED", "VENUE_UNREACHABLE", None)


def test_nothing_of_a_key_is_logged(
    venue: ServerThread, reached: Reached, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    key = key_of(venue, "binance")
    wrong = {"api_key": key.key, "secret": CREDENTIALS["secret"]}
    account = connected(alice, reached("binance"), credentials=wrong)
    with caplog.at_level(logging.INFO):
        assert checked(account).state == AccountState.REFUSED
    assert key.key not in caplog.text
    assert CREDENTIALS["secret"] not in caplog.text


def test_a_killed_signer_leaves_a_check_that_another_does_again(
    venue: ServerThread, reached: Reached, alice: User, later: list[timedelta]
) -> None:
    account = connected(alice, reached("binance"), key=key_of(venue, "binance"))
    environment = {
        **os.environ,
        "SLIPSTREAM_FAILPOINTS": "signer-claimed=1",
        "SLIPSTREAM_SIGNER_KEYS": PublicKey(PRIVATE).text,
    }
    database = connection.settings_dict
    code = (
        "import django; django.setup(); from django.conf import settings;"
        f"settings.DATABASES['default']['NAME'] = {str(database['NAME'])!r};"
        "from django.core.management import call_command; call_command('run_signer')"
    )
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    done = subprocess.run([sys.executable, "-c", code], check=False, env=environment, timeout=60)
    assert done.returncode == -signal.SIGKILL
    account.refresh_from_db()
    assert (account.state, account.attempts) == ("CHECKING", 1)
    assert [use.outcome for use in account.uses.all()] == [""]  # known to have been used, for no known end
    assert checked(account).attempts == 1  # its claim holds
    later.append(timedelta(seconds=CLAIM_SECONDS + 1))
    account = checked(account)
    assert (account.state, account.attempts) == ("READY", 2)
    assert [use.outcome for use in account.uses.order_by("pk")] == ["", "OK"]


def test_two_signers_never_check_one_key_at_once(reached: Reached, alice: User) -> None:
    exchange = reached("binance")
    names = {connected(alice, exchange, label=label).pk for label in ("One", "Two", "Three")}
    first, second, third = claim_checks(limit=2), claim_checks(limit=2), claim_checks(limit=2)
    assert [len(one) for one in (first, second, third)] == [2, 1, 0]
    assert {claim.account.pk for claim in (*first, *second)} == names


def test_a_finding_about_an_earlier_key_counts_no_more(reached: Reached, alice: User) -> None:
    account = connected(alice, reached("binance"))
    claim = claim_checks()[0]
    replace_key(account=account, actor=alice, credentials=CREDENTIALS)
    assert not record_finding(claim=claim, finding=Finding(AccountState.READY, "OK"))
    account.refresh_from_db()
    assert (account.state, account.version) == ("CHECKING", 2)
    assert len(claim_checks()) == 1  # the new key is checked at once


def test_a_revoked_account_stays_revoked_whatever_is_found(reached: Reached, alice: User) -> None:
    account = connected(alice, reached("binance"))
    claim = claim_checks()[0]
    revoke_account(account=account, actor=alice)
    assert not record_finding(claim=claim, finding=Finding(AccountState.READY, "OK"))
    account.refresh_from_db()
    assert (account.state, bytes(account.credentials)) == ("REVOKED", b"")


def test_an_account_whose_seal_does_not_open_fails_and_no_other_does(
    venue: ServerThread, reached: Reached, alice: User
) -> None:
    exchange = reached("binance")
    broken = connected(alice, exchange, label="Broken", key=key_of(venue, "binance"))
    good = connected(alice, exchange, label="Good", key=key_of(venue, "binance"))
    # What somebody who can write to the database would try: another account's secret.
    ExchangeAccount.objects.filter(pk=broken.pk).update(credentials=good.credentials)
    assert (checked(broken).state, broken.code) == ("FAILED", "KEY_NOT_OPENED")
    good.refresh_from_db()
    assert good.state == AccountState.READY


def test_keys_are_sealed_anew_once_there_is_a_newer_one(venue: ServerThread, reached: Reached, alice: User) -> None:
    exchange = reached("binance")
    accounts = [connected(alice, exchange, label=label, key=key_of(venue, "binance")) for label in ("One", "Two")]
    before = [credentials_of(one, signer_keys()) for one in accounts]
    both = LocalKeys([OTHER, PRIVATE])
    assert reseal_all(both) == 2
    assert reseal_all(both) == 0
    for account, credentials in zip(accounts, before, strict=True):
        account.refresh_from_db()
        assert account.seal_key == public_key_of(OTHER).id
        assert credentials_of(account, LocalKeys([OTHER])) == credentials
    resealed = ExchangeAccountUse.objects.filter(purpose=KeyPurpose.RESEAL)
    assert [use.outcome for use in resealed] == ["SEALED", "SEALED"]


def test_a_key_put_in_meanwhile_is_not_overwritten_by_sealing_anew(
    reached: Reached, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = connected(alice, reached("binance"))
    fresh = {**CREDENTIALS, "api_key": "fresh"}

    def meanwhile(*args: object) -> bytes:
        replace_key(account=account, actor=alice, credentials=fresh)
        return seal(b"{}", public_key_of(OTHER), seal_context(account))

    monkeypatch.setattr("trading.signer.running.rewrap", meanwhile)
    assert reseal_all(LocalKeys([OTHER, PRIVATE])) == 0
    account.refresh_from_db()
    assert credentials_of(account, signer_keys()).api_key == "fresh"


def test_one_that_does_not_open_stays_as_it_is_and_stops_nobody(reached: Reached, alice: User) -> None:
    exchange = reached("binance")
    lost, good = connected(alice, exchange, label="Lost"), connected(alice, exchange, label="Good")
    ExchangeAccount.objects.filter(pk=lost.pk).update(credentials=b"SLK\x01" + bytes(200))
    assert reseal_all(LocalKeys([OTHER, PRIVATE])) == 1
    lost.refresh_from_db()
    good.refresh_from_db()
    assert (lost.seal_key, good.seal_key) == (PUBLIC.id, public_key_of(OTHER).id)


def test_a_dump_with_the_settings_of_the_web_opens_nothing(reached: Reached, alice: User) -> None:
    account = connected(alice, reached("binance"))
    row = ExchangeAccount.objects.filter(pk=account.pk).values()[0]
    dump = repr({name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()})
    assert CREDENTIALS["api_key"] not in dump
    assert CREDENTIALS["secret"] not in dump
    public = PublicKey(PUBLIC.raw)
    assert public.text == settings.SIGNER_PUBLIC_KEY
    with pytest.raises(Exception, match="not held"):
        open_sealed(bytes(account.credentials), LocalKeys([]), seal_context(account))
