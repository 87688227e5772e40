"""What the measured worker runs beside the platform's own tasks: a task that only says when it began, and a broker that does so."""

from __future__ import annotations

from collections.abc import Sequence

from celery import shared_task
from celery.signals import worker_process_init
from django.conf import settings
from redis import Redis

from common.clock import wall_now
from trading.brokers import OrderResult
from trading.brokers.choosing import use_broker
from trading.brokers.paper import PaperBroker
from trading.models import Order

STARTS, HANDED_OVER = "bench-starts", "bench-handed-over"


def redis() -> Redis:
    """Return a connection to the Redis that settings name."""
    return Redis.from_url(settings.REDIS_URL)


@shared_task(name="bench.start")
def start() -> None:
    """Say when this began, in seconds of the wall."""
    redis().rpush(STARTS, repr(wall_now().timestamp()))


class TellingBroker(PaperBroker):
    """Our own broker, which says when it was handed an order, before it does anything else."""

    def submit(self, orders: Sequence[Order]) -> list[OrderResult]:
        redis().rpush(HANDED_OVER, repr(wall_now().timestamp()))
        return super().submit(orders)


@worker_process_init.connect
def _tell(**facts: object) -> None:
    use_broker(TellingBroker())
