"""The check of a key at its venue: what it may do, whether it reads, and what is wrong with it."""

from __future__ import annotations

from datetime import timedelta

from common.clock import wall_now
from common.ids import seeded_random
from markets.gateway.account import CcxtAccount
from markets.gateway.client import Client
from markets.gateway.errors import BackOff, GatewayError
from markets.gateway.keys import KeyPermissions, key_permissions, trouble_of
from markets.models import MarketKind
from portfolios.models import AccountState, ExchangeAccount
from portfolios.services.key_checks import Finding

# A venue that stays away longer than so many tries is told to the owner, who may ask for another check at any time.
MOST_ATTEMPTS = 8
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 2.0, 300.0
READ, TRADE, WITHDRAW, BOUND = "READ", "TRADE", "WITHDRAW", "ADDRESS_BOUND"


class MayPass(Exception):
    """A check that says nothing about the key, and may go well after `retry_after` seconds or more."""

    def __init__(self, code: str, retry_after: float = 0.0) -> None:
        super().__init__(code)
        self.code, self.retry_after = code, retry_after


async def probe(client: Client) -> Finding:
    """Ask the venue about the client's key; raise MayPass.

    What the key may do is asked first: nothing else is asked with one that may withdraw.
    """
    try:
        permissions = await _permissions(client)
    except GatewayError as error:
        return _blamed(client, error, is_report=True)
    shown = _shown(permissions)
    if permissions.may_withdraw:
        return Finding(AccountState.REFUSED, "KEY_MAY_WITHDRAW", shown)
    if not permissions.may_trade:
        return Finding(AccountState.REFUSED, "KEY_MAY_NOT_TRADE", shown)
    account = CcxtAccount(client)
    try:
        await account.balances()
        # With a long and a short of the same market beside each other our books would not be the venue's.
        if client.venue.account_kind == MarketKind.PERPETUAL and await account.is_hedged():
            return Finding(AccountState.REFUSED, "HEDGE_MODE", (READ, *shown))
    except GatewayError as error:
        return _blamed(client, error)
    return Finding(AccountState.READY, "OK", (READ, *shown))


async def _permissions(client: Client) -> KeyPermissions:
    """Ask once more where only the clocks differed: the client has measured by how much since."""
    try:
        return await key_permissions(client)
    except GatewayError as error:
        if error.code != "CLOCK_SKEWED":
            raise
    return await key_permissions(client)


def next_step(account: ExchangeAccount, error: MayPass) -> Finding:
    """Return what becomes of a check that may go well later: a next try, further off each time, or an end."""
    if account.attempts >= MOST_ATTEMPTS:
        return Finding(AccountState.FAILED, error.code)
    bound = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** (account.attempts - 1))
    # Those who failed together do not come back together.
    pause = seeded_random("key-check", account.pk, account.attempts).uniform(bound / 2, bound)
    due = wall_now() + timedelta(seconds=max(pause, error.retry_after))
    return Finding(AccountState.CHECKING, error.code, next_try_at=due)


def _blamed(client: Client, error: GatewayError, *, is_report: bool = False) -> Finding:
    trouble = trouble_of(client.venue, error, is_report=is_report)
    if trouble.may_pass:
        raise MayPass(trouble.code, error.retry_after if isinstance(error, BackOff) else 0.0) from error
    return Finding(AccountState.REFUSED if trouble.is_about_key else AccountState.FAILED, trouble.code)


def _shown(permissions: KeyPermissions) -> tuple[str, ...]:
    facts = (
        (TRADE, permissions.may_trade),
        (WITHDRAW, permissions.may_withdraw),
        (BOUND, permissions.is_address_bound),
    )
    return tuple(name for name, holds in facts if holds)
