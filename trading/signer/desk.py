"""The signer's desk: it sends the orders of exchange accounts, and keeps each account's books in step with its venue.

Several signers may run: orders are claimed by their rows, and whatever a venue tells is booked once.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from django.db import close_old_connections

from accounts.sealing import KeyService
from common.bus import Subscription, bus
from markets.gateway.account import CcxtAccount
from markets.gateway.client import Client
from markets.gateway.errors import Stop
from markets.gateway.protocol import Credentials
from portfolios.models import AccountState, ExchangeAccount, KeyPurpose
from portfolios.services.key_checks import note_use
from trading.brokers.choosing import use_live_broker
from trading.brokers.live import LiveBroker
from trading.models import Order
from trading.services import account_sync, live_queue, reconciliation
from trading.signer.clients import WarmClients, account_connection
from trading.signer.keeping import Keeper
from trading.signer.sending import Booker
from trading.signer.turns import BOOKING_WAITS_SECONDS, Turns

logger = logging.getLogger(__name__)
T = TypeVar("T")

# The queue's safety net: the bus wakes it at once.
LOOK_SECONDS = 1.0
# Accounts whose orders are claimed in one transaction: so many are sent well before any of the claims grows old.
_TOGETHER = 50
# How long what a stream tells waits for the answer to an order of its account, which mostly tells the same.
_ANSWER_SECONDS = 3.0
# Sets of threads: those that wait for a venue, and so for the loop, must not take away those that the loop needs to go on
# (nor the loop's own, in which its limiter waits). Orders are claimed beside both, so that nothing queues before them.
_THREADS = 16
_ORDER_THREADS = 2


class Desk:
    """Everything that is done for connected accounts, in one event loop and a few threads."""

    def __init__(self, open_key: Callable[[ExchangeAccount, KeyService], Credentials], keys: KeyService) -> None:
        self._open_key, self._keys = open_key, keys
        self._clients = WarmClients()
        self._opening: dict[UUID, asyncio.Lock] = {}
        self._threads = ThreadPoolExecutor(_THREADS, "signer")
        self._waiting = ThreadPoolExecutor(_THREADS, "signer-at-venue")
        self._claiming = ThreadPoolExecutor(_ORDER_THREADS, "signer-orders")
        self.turns = Turns()
        self._sending: dict[UUID, asyncio.Task[None]] = {}
        self._keepers: dict[UUID, asyncio.Task[None]] = {}
        self._hints: Subscription | None = None
        self._broker: LiveBroker
        self._booker: Booker

    async def run(self, stop: threading.Event) -> None:
        """Work until `stop`. Nothing is opened anywhere before it was reconciled with this start."""
        await self.start()
        try:
            await asyncio.gather(self._again(stop, self._send_when_told), self._again(stop, self._keep_again))
        finally:
            await self.close()

    async def start(self) -> None:
        self._broker = LiveBroker(self.access, asyncio.get_running_loop())
        self._booker = Booker(self._broker, self.off_loop)
        use_live_broker(self._broker)
        await self.off_loop(account_sync.forget_reconciled, await self.off_loop(account_sync.ready_accounts))

    async def close(self) -> None:
        """End what is under way: what was sent and not answered is asked about by the next start."""
        tasks = [*self._keepers.values(), *self._sending.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._clients.close()
        if self._hints is not None:
            self._hints.close()
        use_live_broker(None)
        for pool in (self._threads, self._waiting, self._claiming):
            pool.shutdown(wait=False)

    async def access(self, account_id: UUID) -> CcxtAccount:
        """Return an account's warm client; raise Stop ACCOUNT_NOT_READY, SealError."""
        async with self._opening.setdefault(account_id, asyncio.Lock()):
            return await self._opened(await self.off_loop(_account, account_id))

    async def access_to(self, account: ExchangeAccount) -> CcxtAccount:
        """Return the same for an account that was read just now, with those of others."""
        async with self._opening.setdefault(account.pk, asyncio.Lock()):
            return await self._opened(account)

    async def _opened(self, account: ExchangeAccount) -> CcxtAccount:
        if account.state != AccountState.READY:
            await self._clients.drop(account.pk)
            raise Stop(account.exchange.code, "ACCOUNT_NOT_READY")
        held = self._clients.held(account)
        return CcxtAccount(held or await self._clients.of(account, await self._key(account)))

    async def streams(self, account_id: UUID) -> Client:
        """Return a streaming client of the account's own, which its reader closes."""
        account = await self.off_loop(_account, account_id)
        client = Client(account_connection(account), await self._key(account), streams=True)
        if (warm := self._clients.held(account)) is not None and warm.library.markets is not None:
            client.share_markets(warm)
        return client

    async def off_loop(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call what waits for the database in a thread of the desk's own."""
        return await _in(self._threads, partial(function, *args, **kwargs))

    async def at_venue(self, function: Callable[..., T], **kwargs: Any) -> T:
        """Call what sends or asks through the broker, which waits for this loop, in a thread of others."""
        return await _in(self._waiting, partial(function, **kwargs))

    async def send_waiting(self) -> None:
        """Send all that waits now, of all accounts at once, and what had to wait for that."""
        while await self._send():
            await asyncio.gather(*self._sending.values())
        await asyncio.gather(*self._sending.values())

    async def answered(self, account_id: UUID) -> None:
        """Wait until what is being sent for an account is booked: many accounts' answers share a transaction, streams do not."""
        if (task := self._sending.get(account_id)) is not None:
            await asyncio.wait([task], timeout=_ANSWER_SECONDS)

    async def reconcile(self, account_id: UUID) -> bool:
        """Reconcile an account now; False where it has to be done again."""
        return await Keeper(self, account_id).reconcile()

    async def _key(self, account: ExchangeAccount) -> Credentials:
        await self.off_loop(note_use, account=account, purpose=KeyPurpose.TRADE)
        return self._open_key(account, self._keys)

    async def _send(self) -> int:
        """Begin to send what waits; return of how many accounts orders were claimed together."""
        waiting = await _in(self._claiming, live_queue.waiting_accounts)
        free = [one for one in waiting if one not in self._sending]
        if free:
            with self.turns.sending():
                for first in range(0, len(free), _TOGETHER):
                    await self._send_together(free[first : first + _TOGETHER])
        together = sum(one in self._sending for one in free)
        # What has to ask its venue first, and what could not be claimed with the others.
        for account_id in free:
            if account_id not in self._sending:
                self._sending[account_id] = asyncio.create_task(self._work_off(account_id))
        return together

    async def _send_together(self, accounts: Sequence[UUID]) -> None:
        """Claim what waits on these accounts at once, and have each sent by itself."""
        try:
            claimed, read = await _in(self._claiming, partial(_claimed, accounts))
        except Exception:
            logger.exception("Orders of %d accounts could not be claimed together: each is by itself.", len(accounts))
            return
        by_account: dict[UUID, list[Order]] = {}
        for order in claimed:
            assert order.portfolio.account_id is not None
            by_account.setdefault(order.portfolio.account_id, []).append(order)
        for account_id, orders in by_account.items():
            self._sending[account_id] = asyncio.create_task(self._send_claimed(read[account_id], orders))

    async def _send_claimed(self, account: ExchangeAccount, orders: Sequence[Order]) -> None:
        account_id = account.pk
        venue = account.exchange.code
        try:
            with self.turns.sending(venue):
                sent = await self._broker.sent(self.access_to(account), orders)
            # What is no copy may itself be waited for by copies: a lead's fill is booked at once.
            if all(order.follow_id is not None for order in orders):
                await self.turns.after_orders(venue, BOOKING_WAITS_SECONDS)
            await self._booker.book(await sent.with_fills())
        except Exception:
            logger.exception("What was sent for account %s is asked about: something of ours failed.", account_id)
        finally:
            self._sending.pop(account_id, None)

    async def _work_off(self, account_id: UUID) -> None:
        """Send an account's orders, batch by batch; other accounts do not wait for this one's venue."""
        try:
            while await self.at_venue(live_queue.execute_waiting, account=account_id):
                pass
        except Exception:
            logger.exception("Orders of account %s wait: something of ours failed.", account_id)
        finally:
            self._sending.pop(account_id, None)

    async def _keep_again(self) -> None:
        await self._keep()
        await _pause()

    async def _keep(self) -> None:
        """Have a keeper for every account whose key works, and ask about orders whose answer is due."""
        ready = set(await self.off_loop(account_sync.ready_accounts))
        for account_id in self._keepers.keys() - ready:
            self._keepers.pop(account_id).cancel()
        for account_id in ready:
            if account_id not in self._keepers or self._keepers[account_id].done():
                self._keepers[account_id] = asyncio.create_task(Keeper(self, account_id).run())
        due = await self.off_loop(reconciliation.due_accounts)
        await asyncio.gather(*(self.at_venue(reconciliation.resolve_abandoned, account=one) for one in due))

    async def _send_when_told(self) -> None:
        """Send what waits, and listen until something does. A hint that comes while another is worked off is heard, too."""
        if (hints := self._hints) is None:
            hints = self._hints = await _in(self._claiming, partial(bus().listen, live_queue.CHANNEL))
        try:
            await self._send()
            await _in(self._claiming, partial(_hear, hints))
        except BaseException:
            # The bus may have been away: whoever listened is cut off.
            self._hints = None
            hints.close()
            raise

    async def _again(self, stop: threading.Event, work: Callable[[], Awaitable[object]]) -> None:
        while not stop.is_set():
            try:
                await work()
            except Exception:
                # The database or the bus may be away for a moment; rows wait, and so does this.
                logger.exception("The signer's desk met a failure of ours and goes on.")
                await _pause()


async def _in(pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    """Run work in a pool's thread, and leave no connection open there."""

    def call() -> T:
        try:
            return work()
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(pool, call)


async def _pause() -> None:
    await asyncio.sleep(LOOK_SECONDS)


def _hear(hints: Subscription) -> None:
    """Wait for a hint, and take those that came with it: all of them say the same."""
    heard = hints.get(LOOK_SECONDS)
    while heard is not None:
        heard = hints.get(0)


def _claimed(accounts: Sequence[UUID]) -> tuple[list[Order], dict[UUID, ExchangeAccount]]:
    """Claim what waits on these accounts; return it with its accounts, as they are then."""
    orders = live_queue.claim_together(accounts=accounts)
    found = ExchangeAccount.objects.filter(pk__in={order.portfolio.account_id for order in orders})
    return orders, {one.pk: one for one in found.select_related("exchange")} if orders else {}


def _account(account_id: UUID) -> ExchangeAccount:
    return ExchangeAccount.objects.select_related("exchange").get(pk=account_id)
