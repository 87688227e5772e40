"""One account's keeper: it listens to what the venue streams, and closes the gaps by asking."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from common.backoff import Backoff
from common.clock import monotonic, wall_now
from common.ids import seeded_random
from markets.gateway.account import CcxtAccount
from markets.gateway.errors import BackOff, GatewayError
from markets.gateway.streams import CcxtStreams
from portfolios.services.remainders import Gaps
from trading.services import account_sync, reconciliation
from trading.services.account_margin import FUNDING_OVERLAP, record_funding

if TYPE_CHECKING:
    from trading.signer.desk import Desk

logger = logging.getLogger(__name__)
EVERY_SECONDS = 60.0
# So long both may be taken to agree still while neither changes: then all is compared in full again, whatever it says.
AGREED_SECONDS = 3600.0
# After a comparison that met something under way, or a difference that has to be seen twice.
_SOON_SECONDS = 2.0
# A socket is up, and what it missed before is asked for.
_SETTLE_SECONDS = 0.5
# A stream that lived so long was a good one: the next is opened at once.
_STEADY_SECONDS = 30.0


class Keeper:
    """Keeps one account in step with its venue."""

    def __init__(self, desk: Desk, account_id: UUID) -> None:
        self._desk, self._id = desk, account_id
        self._wanted = asyncio.Event()
        # Accounts that began together (at a start, after an outage) are not compared together each minute from then on.
        self._pauses = seeded_random("account-comparing", account_id)
        self._gaps: Gaps | None = None
        # What was booked here and told there when both agreed last: while it stays so, there is nothing to compare.
        self._agreed: object = None
        self._agreed_at = 0.0
        self._is_first = True
        # What ended the streams last.
        self._ended: GatewayError | None = None

    async def run(self) -> None:
        """Listen and reconcile until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._listen())
            both.create_task(self._reconcile_again())

    async def reconcile(self) -> bool:
        """Bring fills, orders and balances in step with the venue; True where all three agree."""
        access = await self._desk.access(self._id)
        async with self._desk.turns.comparing(access.venue):
            return await self._reconciled(access)

    async def _reconciled(self, access: CcxtAccount) -> bool:
        since = wall_now()
        reading = await self._off(account_sync.reading_of)
        trades = await self._trades(access, reading.symbols, reading)
        if self._is_first:
            # About all that are under way; later the desk asks about those whose turn it is.
            await self._desk.at_venue(reconciliation.resolve_abandoned, account=self._id, older_than_seconds=0)
        unclear = await self._off(account_sync.record_trades, trades=trades) if trades else 0
        if access.on_margin:
            # After the fills: what was paid is divided by what was held then.
            received = await access.funding_received(since=reading.since - FUNDING_OVERLAP)
            await self._off(record_funding, received=received)
        as_of = await self._off(account_sync.moment_of)
        told = {"told": await access.balances(), "positions": await access.positions() if access.on_margin else ()}
        is_fresh = monotonic() - self._agreed_at < AGREED_SECONDS
        if is_fresh and not (self._is_first or unclear) and (as_of, told) == self._agreed:
            await self._off(account_sync.keep_unchanged, since=since)
            return True
        self._agreed = None
        self._gaps = await self._compare(access, reading, as_of, told)
        if self._gaps != {} or unclear:
            return False
        self._is_first, self._agreed, self._agreed_at = False, (as_of, told), monotonic()
        await self._off(account_sync.keep_reconciled, since=since)
        return True

    async def _compare(
        self, access: CcxtAccount, reading: account_sync.Reading, as_of: int, told: dict[str, Any]
    ) -> Gaps | None:
        gaps: Gaps | None = await self._off(account_sync.compare, as_of=as_of, seen=self._gaps, **told)
        if gaps:
            # A trade in a market that we did not read may explain it.
            found = await self._off(account_sync.markets_of, assets=sorted(gaps))
            trades = await self._trades(access, [one for one in found if one not in reading.symbols], reading)
            await self._off(account_sync.record_trades, trades=trades)
        return gaps

    async def _trades(self, access: CcxtAccount, symbols: Sequence[str], reading: account_sync.Reading) -> list[Any]:
        lists = [await access.my_trades(symbol, since=reading.since) for symbol in symbols]
        return [one for part in lists for one in part]

    async def _reconcile_again(self) -> None:
        while True:
            self._wanted.clear()
            is_done = await self._tried(self.reconcile)
            try:
                async with asyncio.timeout(self._pauses.uniform(0.5, 1) * EVERY_SECONDS if is_done else _SOON_SECONDS):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def _tried(self, work: Callable[[], Awaitable[bool]]) -> bool:
        try:
            return await work()
        except GatewayError as error:
            logger.warning("Account %s is not reconciled: %s", self._id, error.code)
        except Exception as error:
            # Without its words, which may quote a request.
            logger.error("Account %s is not reconciled: %s", self._id, type(error).__name__)
        return False

    async def _listen(self) -> None:
        """Read the account's streams; whenever they end, deny opens until the gap is closed, and begin again."""
        waits = Backoff(seeded_random("account-streams", self._id))
        while True:
            began, self._ended = monotonic(), None
            await self._tried(self._read_streams)
            if monotonic() - began > _STEADY_SECONDS:
                waits.reset()
            await self._off(_forget)
            await asyncio.sleep(_wait(waits, self._ended))

    async def _read_streams(self) -> bool:
        async with await self._desk.streams(self._id) as client:
            streams = CcxtStreams(client)
            try:
                # Once for both: a denial of one would end the other, and with it the request that tries the venue.
                await client.admit_streams()
                async with asyncio.TaskGroup() as readers:
                    readers.create_task(self._read(streams.my_trades(), self._told_trades))
                    readers.create_task(self._read(streams.orders(), self._told_orders))
                    await asyncio.sleep(_SETTLE_SECONDS)
                    self._is_first = True
                    self._wanted.set()
            except* GatewayError as failed:
                self._ended = next(one for one in failed.exceptions if isinstance(one, GatewayError))
                logger.warning("The streams of account %s ended: %s", self._id, self._ended)
        return False

    async def _read(self, stream: AsyncIterator[Any], take: Callable[[Any], Awaitable[None]]) -> None:
        async for rows in stream:
            await take(rows)

    async def _told_trades(self, rows: Any) -> None:
        await self._desk.answered(self._id)
        if await self._off(account_sync.record_trades, trades=rows):
            self._wanted.set()

    async def _told_orders(self, rows: Any) -> None:
        await self._desk.answered(self._id)
        await self._off(account_sync.record_order_states, states=rows)

    async def _off(self, function: Callable[..., Any], **facts: Any) -> Any:
        return await self._desk.off_loop(function, account_id=self._id, **facts)


def _wait(waits: Backoff, ended: GatewayError | None) -> float:
    """Return how long to leave streams closed. The breaker's pauses grow by themselves: a denial is no failure of ours."""
    if not isinstance(ended, BackOff):
        return waits.next_wait()
    return (waits.denied_wait if ended.code == "BREAKER_OPEN" else waits.next_wait)(ended.retry_after)


def _forget(*, account_id: UUID) -> None:
    account_sync.forget_reconciled([account_id])
