"""How venues are doing, as Prometheus reads it: GET /metrics, for operators and for who has SLIPSTREAM_METRICS_TOKEN.

States come from the bus boards, so every process tells the same; counted requests are those of the process that answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from common import clock
from common.errors import NotFound
from markets.boards import FeedState, FeedStatus, feed_statuses
from markets.health import venue_metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Name -> (type, what it says).
_MEANINGS: Mapping[str, tuple[str, str]] = {
    "venue_breaker_state": ("gauge", "A venue's circuit breaker: 0 closed, 1 half-open, 2 open."),
    "venue_requests_total": ("counter", "Requests to a venue by outcome, of the process that answers."),
    "venue_feed_state": ("gauge", "1 for the state that a venue's feed last said it is in, else 0."),
    "venue_feed_seen_seconds": ("gauge", "Seconds since a venue's feed last said how it is doing."),
    "venue_feed_silent_seconds": ("gauge", "Seconds since a venue last sent its feed anything."),
    "venue_feed_messages_per_second": ("gauge", "Messages that a venue sends its feed."),
    "venue_feed_instruments": ("gauge", "Instruments that a venue's feed watches."),
    "venue_feed_reconnects_total": ("counter", "Times that a venue's feed connected again."),
    "venue_feed_gap_candles_total": ("counter", "Candles that were filled in after a gap."),
    "venue_feed_outliers_total": ("counter", "Absurd prices that were held back."),
    "venue_feed_revised_candles_total": ("counter", "Closed candles that a venue changed."),
}
Samples = dict[str, dict[str, float]]


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    if not _may_read(request):
        raise NotFound("page")
    samples: Samples = {name: dict(values) for name, values in venue_metrics().items()}
    for status in feed_statuses().values():
        for name, values in _feed_samples(status).items():
            samples.setdefault(name, {}).update(values)
    return HttpResponse(exposition(samples), content_type=CONTENT_TYPE)


def exposition(samples: Mapping[str, Mapping[str, float]]) -> str:
    """Return metrics (name -> labels as text -> value) in Prometheus' text format."""
    lines = []
    for name, (kind, meaning) in _MEANINGS.items():
        if values := samples.get(name):
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{{{labels}}} {value:g}" for labels, value in sorted(values.items())]
    return "\n".join(lines) + "\n"


def _may_read(request: HttpRequest) -> bool:
    if request.user.is_authenticated and request.user.is_staff:
        return True
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    token = settings.METRICS_TOKEN
    return bool(token) and scheme.lower() == "bearer" and constant_time_compare(given.strip(), token)


def _feed_samples(status: FeedStatus) -> Samples:
    venue, now = f'venue="{status.exchange}"', clock.wall_now()

    def age(at: datetime | None) -> dict[str, float]:
        return {} if at is None else {venue: max(0.0, (now - at).total_seconds())}

    return {
        "venue_feed_state": {f'{venue},state="{state}"': float(state == status.state) for state in FeedState},
        "venue_feed_seen_seconds": age(status.seen_at),
        "venue_feed_silent_seconds": age(status.last_message_at),
        "venue_feed_messages_per_second": {venue: status.messages_per_second},
        "venue_feed_instruments": {venue: status.instruments},
        "venue_feed_reconnects_total": {venue: status.reconnects},
        "venue_feed_gap_candles_total": {venue: status.gap_candles},
        "venue_feed_outliers_total": {venue: status.outliers},
        "venue_feed_revised_candles_total": {venue: status.revised_candles},
    }
