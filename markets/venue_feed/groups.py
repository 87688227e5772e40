"""All stream groups of a feed: made and replaced as what is wanted changes, and how they are doing together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Mapping

from markets.boards import FeedState
from markets.gateway.streams import CcxtStreams
from markets.models import InterestKind
from markets.venue_feed.streaming import METHODS, Hear, Link, StreamGroup
from markets.venue_feed.subscriptions import regroup
from markets.venue_feed.tuning import Tuning

logger = logging.getLogger(__name__)


class StreamGroups:
    """The connections of a feed. `arrange` says what is wanted; use from one loop, and `close` at the end."""

    def __init__(self, link: Link, streams: CcxtStreams, hear: Mapping[InterestKind, Hear], tuning: Tuning) -> None:
        """`streams` knows what the venue streams; `hear` takes the messages of each kind."""
        self._link, self._hear, self._tuning = link, hear, tuning
        self._groups: dict[InterestKind, list[StreamGroup]] = {kind: [] for kind in InterestKind}
        self._tasks: dict[StreamGroup, asyncio.Task[None]] = {}
        self._retiring: set[asyncio.Task[None]] = set()
        self._past_reconnects = 0
        self._size = max(1, min(link.rest.venue.symbols_per_stream, 100))
        self._streamed = {kind for kind, names in METHODS.items() if any(streams.supports(name) for name in names)}

    def has(self, kind: InterestKind) -> bool:
        """Return whether the venue streams this kind of data."""
        return kind in self._streamed

    def arrange(self, wanted: Mapping[InterestKind, Collection[str]]) -> None:
        """Have these symbols streamed and no others. Only groups that change are replaced, each once its successor speaks."""
        for kind in self._streamed:
            before = {group.symbols: group for group in self._groups[kind]}
            after = regroup(list(before), wanted[kind], self._size)
            started = [self._start(kind, symbols) for symbols in after if symbols not in before]
            for symbols, group in before.items():
                if symbols not in after:
                    self._retire(group, [one for one in started if set(one.symbols) & set(symbols)])
            self._groups[kind] = [before[symbols] for symbols in after if symbols in before] + started

    def renew(self, kind: InterestKind, symbols: Collection[str]) -> None:
        """Connect those groups again that should have spoken of these symbols."""
        for group in self._groups[kind]:
            if not set(group.symbols).isdisjoint(symbols):
                group.renew()

    @property
    def all(self) -> list[StreamGroup]:
        """Every group that is not being replaced."""
        return [group for groups in self._groups.values() for group in groups]

    @property
    def reconnects(self) -> int:
        """How often connections were made again since the feed started."""
        return self._past_reconnects + sum(group.reconnects for group in self._tasks)

    def refused(self) -> bool:
        """Return whether a venue refused a symbol since the last time this was asked."""
        found = [group for group in self.all if group.is_refused]
        for group in found:
            group.is_refused = False
        return bool(found)

    def state(self) -> tuple[FeedState, str, StreamGroup | None]:
        """Return how the connections are doing together, in words, and the one that is worst off.

        The venue is down or silent only where no connection is live.
        """
        groups = self.all
        if not groups:
            return FeedState.LIVE, "Nothing is watched.", None
        ailing = [one for one in groups if one.state != FeedState.LIVE]
        if not ailing:
            return FeedState.LIVE, "", None
        order = (FeedState.DOWN, FeedState.SILENT, FeedState.CONNECTING)
        worst = min(ailing, key=lambda one: order.index(one.state))
        if len(ailing) == len(groups):
            return worst.state, worst.reason, worst
        reason = f" {worst.reason}" if worst.reason else ""
        return FeedState.LIVE, f"{len(ailing)} of {len(groups)} connections are being made.{reason}", worst

    async def close(self) -> None:
        """End all connections."""
        tasks = [*self._tasks.values(), *self._retiring]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, kind: InterestKind, symbols: tuple[str, ...]) -> StreamGroup:
        group = StreamGroup(kind, symbols, self._link, self._hear[kind], self._tuning)
        self._tasks[group] = asyncio.create_task(group.run())
        return group

    def _retire(self, group: StreamGroup, successors: list[StreamGroup]) -> None:
        """End a group once those that take its place have spoken."""

        async def end() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._tuning.overlap):
                    for successor in successors:
                        await successor.spoke.wait()
            self._past_reconnects += group.reconnects
            task = self._tasks.pop(group)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        ending = asyncio.create_task(end())
        self._retiring.add(ending)
        ending.add_done_callback(self._retiring.discard)
