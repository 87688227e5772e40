"""The schedule is wiring: each name on it must be a task that a worker knows."""

from config.celery import app


def test_every_scheduled_name_is_a_task() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled - set(app.tasks) == set()


def test_every_sweeper_is_scheduled() -> None:
    """What finds lost work must run by itself: these are the tasks that no other code enqueues."""
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled == {
        "trading.sweep",
        "strategies.sweep_runs",
        "strategies.sweep_jobs",
        "portfolios.take_due_snapshots",
        "marketplace.refresh_all",
        "community.close_due_competitions",
        "community.publish_rankings",
        "accounts.send_due_mail",
        "markets.compact_candles",
        "markets.renew_interests",
        "trading.renew_interests",
        "strategies.renew_interests",
        "markets.forget_expired_interests",
        "markets.synchronise_due_exchanges",
    }
