"""The schedule is wiring: each name on it must be a task that a worker knows."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from common.ids import new_token
from config.celery import SHUTDOWN_SECONDS, app


def test_every_scheduled_name_is_a_task() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled - set(app.tasks) == set()


def test_every_sweeper_is_scheduled() -> None:
    """What finds lost work must run by itself: these are the tasks that no other code enqueues."""
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled == {
        "trading.sweep",
        "trading.reconcile",
        "strategies.sweep_runs",
        "strategies.sweep_jobs",
        "portfolios.take_due_snapshots",
        "marketplace.refresh_all",
        "marketplace.refresh_copy_records",
        "marketplace.sweep_submissions",
        "marketplace.refresh_stale_facts",
        "marketplace.seal_fills",
        "marketplace.sign_root",
        "marketplace.sweep_reproductions",
        "marketplace.measure_drift",
        "marketplace.sweep_billing",
        "marketplace.invoice_shares",
        "marketplace.reconcile_billing",
        "marketplace.index_changed",
        "marketplace.refresh_ranking",
        "marketplace.refresh_similar",
        "marketplace.tell_of_matches",
        "community.close_due_competitions",
        "community.publish_rankings",
        "accounts.hand_out_notifications",
        "accounts.send_due_codes",
        "accounts.poll_telegram",
        "accounts.sweep_archives",
        "accounts.close_due_accounts",
        "accounts.forget_old",
        "accounts.run_webhooks",
        "accounts.forget_keyed_requests",
        "accounts.seal_audit",
        "portfolios.end_delegations",
        "trading.expire_approvals",
        "markets.compact_candles",
        "markets.renew_interests",
        "trading.renew_interests",
        "trading.watch_risk",
        "trading.watch_follows",
        "strategies.renew_interests",
        "markets.forget_expired_interests",
        "markets.synchronise_due_exchanges",
    }


# A worker of its own with a task that never ends, and what a child of it says when it has begun.
_STUCK = """
import os, sys, time
import django
django.setup()
from config.celery import app

@app.task(name="stuck")
def stuck():
    print("stuck in", os.getpid(), file=sys.__stdout__, flush=True)
    time.sleep(600)

stuck.delay()
app.worker_main(["worker", "--concurrency", "1", "--loglevel", "ERROR"])
"""


@pytest.mark.services
@pytest.mark.timeout(90)
def test_a_worker_ends_in_time_though_a_task_does_not(tmp_path: Path) -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "SLIPSTREAM_VAR_DIR": str(tmp_path)}
    own = {**os.environ, **settings, "SLIPSTREAM_REDIS_PREFIX": f"stuck-{new_token(6)}:"}
    command = [sys.executable, "-c", _STUCK]
    with subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        said = next(line for line in worker.stdout if line.startswith("stuck in"))
        worker.send_signal(signal.SIGTERM)
        _, errors = worker.communicate(timeout=SHUTDOWN_SECONDS + 10)
    assert worker.returncode == 0
    assert "given up here" in errors and "most recent call first" in errors
    child, deadline = Path("/proc", said.split()[-1]), time.monotonic() + 10
    while child.exists() and "(zombie)" not in (child / "status").read_text():
        assert time.monotonic() < deadline, "its child works on"
        time.sleep(0.05)
