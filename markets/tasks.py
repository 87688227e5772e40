"""Markets' work beside the feed."""

from __future__ import annotations

import logging

from celery import shared_task

from common.errors import DomainError
from common.tasks import enqueue
from markets import services
from markets.connecting import due_for_synchronising, fetch_markets
from markets.gateway.errors import GatewayError
from markets.selectors import exchange_by_code

logger = logging.getLogger(__name__)


@shared_task(name="markets.compact_candles")
def compact_candles() -> None:
    """Move closed candles from their table into the candle store; runs every few minutes."""
    services.compact_candles()


@shared_task(name="markets.synchronise_due_exchanges")
def synchronise_due_exchanges() -> None:
    """Have every connected exchange synchronised that was not within a day; runs every few minutes."""
    for code in due_for_synchronising():
        enqueue(synchronise_exchange, code)


@shared_task(name="markets.synchronise_exchange")
def synchronise_exchange(code: str) -> None:
    """Ask a venue for its markets and take them over; where it does not answer, the next round asks again."""
    exchange = exchange_by_code(code)
    try:
        services.synchronise_instruments(exchange=exchange, markets=fetch_markets(exchange))
    except (GatewayError, DomainError) as error:
        logger.warning("The instruments of %s stay as they are: %s", code, error)


@shared_task(name="markets.forget_expired_interests")
def forget_expired_interests() -> None:
    """Delete interests that nobody renewed."""
    services.forget_expired_interests()


@shared_task(name="markets.renew_interests")
def renew_interests() -> None:
    """Have watched what price alerts are about; runs a few times a minute."""
    services.renew_alert_interests()
