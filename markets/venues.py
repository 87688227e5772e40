"""How each venue is doing, for everybody to see: its feed, its breaker, its instruments. No secrets are in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from django.db.models import Count, Q

from common import clock
from markets.boards import FeedState, FeedStatus, feed_statuses, venue_payload
from markets.health import BreakerState, VenueHealth, venue_health
from markets.models import Exchange, InstrumentState, SourceKind

# A feed says every few seconds how it is doing; one that has not for so long is no longer running, whatever it said last.
LOST_AFTER = timedelta(seconds=30)
# States that no feed says of itself.
LOST, NEVER, LOCAL = "LOST", "NEVER", "LOCAL"
WORDS: Mapping[str, str] = MappingProxyType(
    {
        FeedState.CONNECTING: "Connecting",
        FeedState.LIVE: "Live",
        FeedState.SILENT: "Connected, but silent",
        FeedState.DOWN: "Cannot be reached",
        FeedState.STOPPED: "Stopped",
        LOST: "No sign of its feed",
        NEVER: "No feed has run",
        LOCAL: "Made here",
    }
)
TONES: Mapping[str, str] = MappingProxyType(
    {
        FeedState.LIVE: "up",
        FeedState.DOWN: "down",
        FeedState.SILENT: "warn",
        FeedState.CONNECTING: "accent",
        LOST: "warn",
    }
)
BREAKER_WORDS: Mapping[BreakerState, str] = MappingProxyType(
    {
        BreakerState.CLOSED: "Requests pass",
        BreakerState.OPEN: "Left alone for a while",
        BreakerState.HALF_OPEN: "One request tries it",
    }
)


@dataclass(frozen=True, slots=True)
class VenueStatus:
    """A venue at a moment of the wall. `state` is one of WORDS; `listed` counts the instruments that orders may name."""

    exchange: Exchange
    state: str
    feed: FeedStatus | None
    breaker: VenueHealth
    listed: int
    market_time: datetime | None = None

    @property
    def words(self) -> str:
        if self.state == LOCAL:
            return "Replayed here" if self.exchange.source_kind == SourceKind.REPLAY else WORDS[LOCAL]
        return WORDS[self.state]

    @property
    def tone(self) -> str:
        return TONES.get(self.state, "")

    @property
    def breaker_words(self) -> str:
        return BREAKER_WORDS[self.breaker.state]

    @property
    def feed_code(self) -> str:
        """Why the feed is in its state, without the venue's words: they may quote addresses that are an operator's."""
        return _code(self.feed.reason if self.feed else "")

    @property
    def breaker_code(self) -> str:
        return _code(self.breaker.reason)

    @property
    def is_well(self) -> bool:
        return self.state in (FeedState.LIVE, LOCAL) and self.breaker.state == BreakerState.CLOSED


def venue_statuses() -> list[VenueStatus]:
    """Return every venue by name, in one query and three board reads."""
    listed = Count("instruments", filter=Q(instruments__state=InstrumentState.ACTIVE))
    exchanges = list(Exchange.objects.annotate(listed=listed).order_by("name", "code"))
    feeds = feed_statuses()
    breakers = venue_health([one.code for one in exchanges])
    times = clock.market_times([one.namespace for one in exchanges if not one.dialect])
    return [
        VenueStatus(
            one,
            _state(one, feeds.get(one.code)),
            feeds.get(one.code),
            breakers[one.code],
            one.listed,
            times.get(one.namespace),
        )
        for one in exchanges
    ]


def status_of(exchange: Exchange) -> VenueStatus:
    """Return how one venue is doing; its instruments are not counted."""
    feed = feed_statuses([exchange.code]).get(exchange.code)
    return VenueStatus(exchange, _state(exchange, feed), feed, venue_health([exchange.code])[exchange.code], 0)


def told(feed: FeedStatus | None, breaker: VenueHealth | None) -> dict[str, Any]:
    """Return how a venue is doing as the topic `venues:all` tells everybody: reasons are cut to their codes."""
    return venue_payload(
        feed and replace(feed, reason=_code(feed.reason)), breaker and replace(breaker, reason=_code(breaker.reason))
    )


def venue_facts(status: VenueStatus) -> dict[str, Any]:
    """Return a venue as the API tells it; times are ISO texts, reasons are codes."""
    feed, breaker = status.feed, status.breaker
    return {
        "exchange": status.exchange.code,
        "name": status.exchange.name,
        "source_kind": status.exchange.source_kind,
        "is_sandbox": status.exchange.is_sandbox,
        "state": status.state,
        "since": _text(feed.since if feed else None),
        "seen_at": _text(feed.seen_at if feed else None),
        "reason": status.feed_code,
        "retry_at": _text(feed.retry_at if feed else None),
        "last_message_at": _text(feed.last_message_at if feed else None),
        "messages_per_second": feed.messages_per_second if feed else 0.0,
        "watched": feed.instruments if feed else 0,
        "reconnects": feed.reconnects if feed else 0,
        "gap_candles": feed.gap_candles if feed else 0,
        "outliers": feed.outliers if feed else 0,
        "revised_candles": feed.revised_candles if feed else 0,
        "breaker": str(breaker.state),
        "breaker_since": _text(breaker.since),
        "breaker_reason": status.breaker_code,
        "breaker_retry_at": _text(breaker.retry_at),
        "instruments": status.listed,
        "synchronised_at": _text(status.exchange.synchronised_at),
    }


def _state(exchange: Exchange, feed: FeedStatus | None) -> str:
    if not exchange.dialect:
        return LOCAL
    if feed is None:
        return NEVER
    is_lost = feed.state != FeedState.STOPPED and clock.wall_now() - feed.seen_at > LOST_AFTER
    return LOST if is_lost else str(feed.state)


def _code(reason: str) -> str:
    return reason.partition(":")[0].strip()[:60]


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
