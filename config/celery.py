"""The Celery application: tasks come from every app's tasks.py; the schedule is wiring and stands here."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("slipstream")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# In memory: nothing here is rarer than every few minutes, so a beat that starts anew has nothing to remember.
app.conf.beat_scheduler = "celery.beat:Scheduler"
# Seconds of the wall. Rows are the truth: a run that is missed or doubled changes nothing.
app.conf.beat_schedule = {
    name: {"task": name, "schedule": seconds, "options": {"expires": seconds}}
    for name, seconds in {
        "trading.sweep": 5.0,
        "strategies.sweep_runs": 5.0,
        "strategies.sweep_jobs": 5.0,
        "portfolios.take_due_snapshots": 1.0,
        "marketplace.refresh_all": 5.0,
        "community.close_due_competitions": 1.0,
        "community.publish_rankings": 3.0,
        "accounts.send_due_mail": 60.0,
        "markets.compact_candles": 300.0,
        # An interest lasts 60 s: two of three may be late before anything goes unwatched.
        "markets.renew_interests": 20.0,
        "trading.renew_interests": 20.0,
        "strategies.renew_interests": 20.0,
        "markets.forget_expired_interests": 60.0,
        "markets.synchronise_due_exchanges": 600.0,
    }.items()
}


@worker_ready.connect
def _warm_threads(sender: Any, **facts: Any) -> None:
    """Compile before the first backtest comes; a pool of processes does so in each of them."""
    if "prefork" not in type(sender.pool).__module__:
        _warm_if_computing()


@worker_process_init.connect
def _warm_process(**facts: Any) -> None:
    _warm_if_computing()


def _warm_if_computing() -> None:
    from django.conf import settings

    from strategies.services.jobs import children

    if settings.COMPUTING_QUEUE in app.amqp.queues.consume_from:
        children().warm()
