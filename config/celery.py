"""The Celery application: tasks come from every app's tasks.py; the schedule is wiring and stands here."""

import faulthandler
import os
import signal
import sys
from typing import Any

from billiard.process import active_children
from celery import Celery
from celery.signals import worker_process_init, worker_ready, worker_shutting_down

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
        "accounts.seal_audit": 60.0,
        "portfolios.end_delegations": 10.0,
        "trading.expire_approvals": 10.0,
        "trading.sweep": 5.0,
        "trading.reconcile": 1.0,
        "strategies.sweep_runs": 5.0,
        "strategies.sweep_jobs": 5.0,
        "portfolios.take_due_snapshots": 1.0,
        "marketplace.refresh_all": 5.0,
        "marketplace.refresh_copy_records": 60.0,
        "marketplace.sweep_submissions": 5.0,
        "marketplace.refresh_stale_facts": 3600.0,
        "marketplace.seal_fills": 60.0,
        "marketplace.sign_root": 300.0,
        "marketplace.sweep_reproductions": 10.0,
        "marketplace.measure_drift": 300.0,
        "marketplace.sweep_billing": 10.0,
        "marketplace.invoice_shares": 900.0,
        "marketplace.reconcile_billing": 600.0,
        "marketplace.index_changed": 60.0,
        "marketplace.refresh_ranking": 3_600.0,
        "marketplace.refresh_similar": 86_400.0,
        "marketplace.tell_of_matches": 300.0,
        "community.close_due_competitions": 1.0,
        "community.publish_rankings": 3.0,
        "accounts.hand_out_notifications": 15.0,
        "accounts.send_due_codes": 15.0,
        "accounts.poll_telegram": 3.0,
        "accounts.sweep_archives": 60.0,
        "accounts.close_due_accounts": 300.0,
        "accounts.forget_old": 3_600.0,
        "accounts.run_webhooks": 2.0,
        "accounts.forget_keyed_requests": 600.0,
        "markets.compact_candles": 300.0,
        # An interest lasts 60 s: two of three may be late before anything goes unwatched.
        "markets.renew_interests": 20.0,
        "trading.renew_interests": 20.0,
        "trading.watch_risk": 5.0,
        "trading.watch_follows": 2.0,
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


# A warm shutdown waits for its tasks without end; a process manager, ten seconds at least.
SHUTDOWN_SECONDS = 8


@worker_shutting_down.connect
def _end_in_time(**facts: Any) -> None:
    """Give up after a while what a worker was to finish: it is found and finished by others, as after a kill."""
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(SHUTDOWN_SECONDS)


def _give_up(*interrupted: Any) -> None:
    # Celery has put its log in the place of sys.stderr.
    errors = sys.__stderr__ or sys.stderr
    print(f"worker: still at work {SHUTDOWN_SECONDS} s after it was to end; given up here:", file=errors, flush=True)
    faulthandler.dump_traceback(file=errors)
    for child in active_children():
        if child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)
    os._exit(0)
