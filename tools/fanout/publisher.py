"""Publishes through the platform's own bus as many messages as each line of its input says; first of all makes a market.

The topic is the simulated market's prices, which everybody may hear.
"""

from __future__ import annotations

import sys
import time

import django

TOPIC = "prices:sim"
# What a frame says around the filling: its type, topic and seq, and when it was sent.
_AROUND = f'{{"type":"update","topic":"{TOPIC}","seq":1234,"cells":{{"sent":"1234567890123","filling":""}}}}'
_FILLING = "x" * (200 - len(_AROUND))


def prepare() -> None:
    """Give a fresh database the market that the topic is about."""
    from django.core.management import call_command

    from markets.services import seed_simulated_venue

    call_command("migrate", verbosity=0)
    seed_simulated_venue()


def publish_on_demand() -> None:
    """Publish until the input ends, each message with the nanosecond at which it was sent."""
    from common.realtime import publish

    for line in sys.stdin:
        for _ in range(int(line)):
            publish([(TOPIC, {"cells": {"sent": str(time.monotonic_ns()), "filling": _FILLING}})])


if __name__ == "__main__":
    django.setup()
    prepare() if sys.argv[1:] == ["prepare"] else publish_on_demand()
