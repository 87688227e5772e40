"""The signer at work: checks of keys as rows ask for them, secrets sealed anew, and beside it the desk (desk.py).

Several signers may run: a check is claimed by its row. What a killed one leaves behind is due again when its claim lapses.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from django.db import close_old_connections

from accounts.sealing import KeyService, PublicKey, SealError, open_sealed, rewrap
from common.failpoints import failpoint
from markets.gateway.errors import GatewayError
from markets.gateway.protocol import Credentials
from portfolios.models import AccountState, ExchangeAccount
from portfolios.services import key_checks
from portfolios.services.exchange_accounts import seal_context
from portfolios.services.key_checks import Claim, Finding
from trading.signer.clients import WarmClients
from trading.signer.desk import Desk
from trading.signer.probing import MayPass, next_step, probe

logger = logging.getLogger(__name__)
T = TypeVar("T")

LOOK_SECONDS = 0.5
# Shorter than a claim: who holds one has either written its end or is dead.
CHECK_SECONDS = key_checks.CLAIM_SECONDS * 0.75


def run_signer(keys: KeyService, stop: threading.Event) -> None:
    """Work until `stop` is set."""
    asyncio.run(Signer(keys).run(stop))


def credentials_of(account: ExchangeAccount, keys: KeyService) -> Credentials:
    """Return what an account's sealed key holds; raise SealError. The caller has written down the use of it."""
    return Credentials(**json.loads(open_sealed(bytes(account.credentials), keys, seal_context(account))))


class Signer:
    """Works off what is due, again and again."""

    def __init__(self, keys: KeyService) -> None:
        self._keys = keys
        self._clients = WarmClients()
        self._desk = Desk(credentials_of, keys)
        self._sealed_to: PublicKey | None = None

    async def run(self, stop: threading.Event) -> None:
        desk = asyncio.create_task(self._desk.run(stop))
        try:
            while not stop.is_set():
                if not await self._step():
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            await asyncio.gather(desk, return_exceptions=True)
            await self._clients.close()

    async def work_once(self) -> int:
        """Do what is due now and return how much that was."""
        newest = self._keys.public_keys()[0]
        if newest != self._sealed_to:
            await _off_loop(reseal_all, self._keys)
            self._sealed_to = newest
        return await self._check_keys()

    async def close(self) -> None:
        await self._clients.close()

    async def _step(self) -> int:
        try:
            return await self.work_once()
        except Exception:
            # The database may be away for a moment; rows wait, and so does this.
            logger.exception("The signer met a failure of ours and goes on.")
            return 0

    async def _check_keys(self) -> int:
        claims = await _off_loop(key_checks.claim_checks)
        await asyncio.gather(*(self._check(claim) for claim in claims))
        return len(claims)

    async def _check(self, claim: Claim) -> None:
        """Check one key and write down what was found. No exception's words are logged: they may quote a request."""
        account = claim.account
        failpoint("signer-claimed")
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                finding = await self._found(account)
        except MayPass as error:
            finding = next_step(account, error)
        except TimeoutError:
            finding = next_step(account, MayPass("VENUE_UNREACHABLE"))
        except (GatewayError, SealError) as error:
            logger.error("The key of %s cannot be used: %s", account.pk, type(error).__name__)
            finding = Finding(AccountState.FAILED, "KEY_NOT_OPENED" if isinstance(error, SealError) else error.code)
        except Exception as error:
            logger.error("The check of %s broke off: %s", account.pk, type(error).__name__)
            finding = next_step(account, MayPass("CHECK_BROKE_OFF"))
        if finding.state in (AccountState.REFUSED, AccountState.FAILED):
            await self._clients.drop(account.pk)
        await _off_loop(key_checks.record_finding, claim=claim, finding=finding)

    async def _found(self, account: ExchangeAccount) -> Finding:
        client = await self._clients.of(account, credentials_of(account, self._keys))
        return await probe(client)


def reseal_all(keys: KeyService) -> int:
    """Seal every secret to the newest key that is sealed to another one held here; return how many it was.

    One that does not open stays as it is, and is told in the log.
    """
    newest, count, after = keys.public_keys()[0], 0, None
    while claims := key_checks.claim_reseals(key_id=newest.id, after=after):
        after = claims[-1].account.pk
        fresh = [(claim, sealed) for claim in claims if (sealed := _sealed_anew(claim.account, keys, newest))]
        count += key_checks.store_reseals(
            claims=[claim for claim, _ in fresh], sealed=[sealed for _, sealed in fresh], key_id=newest.id
        )
    return count


def _sealed_anew(account: ExchangeAccount, keys: KeyService, newest: PublicKey) -> bytes | None:
    try:
        return rewrap(bytes(account.credentials), keys, newest, seal_context(account))
    except SealError:
        logger.error("The key of %s cannot be sealed anew: it does not open.", account.pk)
        return None


async def _off_loop(function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call what waits for the database in a thread, and leave no connection open there."""

    def call() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            close_old_connections()

    return await asyncio.to_thread(call)
