"""From what happened to what was delivered: signatures, repeats, pauses, rotation, switching off."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.exceptions import InvalidTag
from django.db import connection
from pytest_django import Settings

from accounts.models import Notification, User
from accounts.services import create_person
from accounts.webhooks import sending, services
from accounts.webhooks.models import DeliveryState, WebhookDelivery, WebhookEndpoint
from accounts.webhooks.secrets import decrypted
from accounts.webhooks.sources import SETTLED_AFTER, settled_before, sources
from common.clock import use_wall_clock, wall_now
from common.errors import DomainError
from tests.accounts.webhooks.server import Hook

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).resolve().parents[3] / "docs" / "webhooks.md"


class Clock:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)  # noqa: TID251 - the snippet of the docs reads the system's clock
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return self.now + self.ahead


@pytest.fixture
def clock() -> Iterator[Clock]:
    moved = Clock()
    before = use_wall_clock(moved)
    yield moved
    use_wall_clock(before)


@pytest.fixture
def alice(clock: Clock) -> User:
    return create_person(email="alice@example.org", password="correct horse", display_name="Alice", handle="alice")


def is_genuine(body: bytes, header: str, secret: str) -> bool:
    """Run the snippet of the documentation."""
    found = re.search(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)
    return bool(names["is_genuine"](body, header, secret))


def made(alice: User, url: str, events: list[str]) -> tuple[WebhookEndpoint, str]:
    endpoint, secret = services.create_endpoint(user=alice, url=url, events=events)
    services.collect_facts()
    return endpoint, secret


def test_a_test_event_arrives_signed_as_the_documentation_verifies_it(
    alice: User, hook: Hook, settings: Settings
) -> None:
    settings.WEBHOOKS_INSECURE = True
    endpoint, secret = made(alice, hook.url, ["fill.recorded"])
    delivery = services.send_test(endpoint=endpoint)
    assert services.deliver(delivery_id=delivery.pk)
    assert not services.deliver(delivery_id=delivery.pk)  # a task that comes twice sends once
    (got,) = hook.got
    assert json.loads(got.body) == {
        "created": delivery.created_at.isoformat(),
        "data": {"endpoint": str(endpoint.pk)},
        "id": delivery.event_id,
        "type": "webhook.test",
    }
    header = got.headers["Slipstream-Signature"]
    assert is_genuine(got.body, header, secret)
    assert not is_genuine(got.body + b" ", header, secret)
    assert not is_genuine(got.body, header, "slwh_other")
    stored = WebhookDelivery.objects.get()
    assert (stored.state, stored.status, stored.excerpt, stored.attempts) == ("DELIVERED", 200, "thanks", 1)


def test_secrets_are_not_readable_in_rows_and_open_in_their_own_alone(alice: User) -> None:
    one, secret = made(alice, "https://example.com/", ["fill.recorded"])
    other, _ = made(alice, "https://example.com/", ["fill.recorded"])
    assert secret not in one.secret
    assert decrypted(one.secret, one.pk) == secret
    with pytest.raises(InvalidTag):
        decrypted(one.secret, other.pk)


def test_for_a_day_after_a_rotation_both_secrets_sign(
    alice: User, hook: Hook, settings: Settings, clock: Clock
) -> None:
    settings.WEBHOOKS_INSECURE = True
    endpoint, old = made(alice, hook.url, ["fill.recorded"])
    new = services.rotate_secret(actor=alice, endpoint=endpoint)
    for ahead, expected in ((timedelta(0), [True, True]), (timedelta(hours=25), [False, True])):
        clock.ahead = ahead
        services.deliver(delivery_id=services.send_test(endpoint=endpoint).pk)
        got = hook.got[-1]
        marks = got.headers["Slipstream-Signature"].count("v1=")
        assert marks == sum(expected)
        if not ahead:
            assert [is_genuine(got.body, got.headers["Slipstream-Signature"], one) for one in (old, new)] == expected


def test_nobody_without_a_webhook_costs_a_read_of_rows(alice: User, django_assert_max_num_queries: Any) -> None:
    services.collect_facts()
    with django_assert_max_num_queries(1 + 8 * len(list(sources()))):
        assert services.collect_facts() == 0


def test_a_failure_is_tried_again_later_and_after_three_days_the_webhook_is_off(
    alice: User, hook: Hook, settings: Settings, clock: Clock
) -> None:
    settings.WEBHOOKS_INSECURE = True
    hook.status = 500
    endpoint, _ = made(alice, hook.url, ["fill.recorded"])
    delivery = services.send_test(endpoint=endpoint)
    for pause in services.PAUSES:
        assert services.due_deliveries() == [delivery.pk]
        services.deliver(delivery_id=delivery.pk)
        assert services.due_deliveries() == []
        clock.ahead += pause
    assert timedelta(days=2, hours=22) < sum(services.PAUSES, timedelta()) < timedelta(days=3, hours=2)
    services.deliver(delivery_id=delivery.pk)
    endpoint.refresh_from_db()
    delivery.refresh_from_db()
    assert (endpoint.disabled_at, delivery.state) == (wall_now(), DeliveryState.FAILED)
    assert [one.event for one in Notification.objects.filter(user=alice)] == ["webhook.disabled"]
    with pytest.raises(DomainError, match="WEBHOOK_DISABLED"):
        services.redeliver(delivery=WebhookDelivery.objects.get())
    services.enable_endpoint(actor=alice, endpoint=endpoint)
    hook.status = 200
    services.redeliver(delivery=WebhookDelivery.objects.get())
    assert services.deliver(delivery_id=delivery.pk)


def test_what_is_sent_again_by_hand_has_a_limit_of_its_own(alice: User, bob: User) -> None:
    endpoint, _ = made(alice, "https://example.com/", ["fill.recorded"])
    delivery = services.send_test(endpoint=endpoint)
    for _ in range(services.REDELIVERY_BURST):
        services.redeliver(delivery=delivery)
    WebhookDelivery.objects.update(attempts=3, state=DeliveryState.FAILED)
    with pytest.raises(DomainError, match="WEBHOOK_REDELIVERED_TOO_OFTEN") as refused:
        services.redeliver(delivery=delivery)
    delivery.refresh_from_db()
    assert (refused.value.status, delivery.state, delivery.attempts) == (429, DeliveryState.FAILED, 3)
    # Nobody else waits for that.
    other, _ = made(bob, "https://example.com/", ["fill.recorded"])
    services.redeliver(delivery=services.send_test(endpoint=other))


def test_a_name_that_turns_private_between_attempts_is_refused_then(
    alice: User, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    endpoint, _ = made(alice, "https://hooks.example.com/", ["fill.recorded"])
    delivery = services.send_test(endpoint=endpoint)
    answers = [[ipaddress.ip_address("203.0.114.1")], [ipaddress.ip_address("10.0.0.1")]]
    monkeypatch.setattr(sending, "resolve", lambda host, port: answers.pop(0))
    connected: list[str] = []

    class Refused:
        def __init__(self, host: str, *args: Any, **kwargs: Any) -> None:
            connected.append(host)
            raise OSError

    monkeypatch.setattr(sending, "HTTPSConnection", Refused)
    services.deliver(delivery_id=delivery.pk)
    clock.ahead += services.PAUSES[0]
    services.deliver(delivery_id=delivery.pk)
    delivery.refresh_from_db()
    assert connected == ["203.0.114.1"]
    assert delivery.excerpt.startswith("This address leads into a private network")


def test_events_that_nobody_declared_and_too_many_endpoints_are_refused(alice: User) -> None:
    with pytest.raises(DomainError, match="WEBHOOK_EVENTS_INVALID"):
        services.create_endpoint(user=alice, url="https://example.com/", events=["nothing.here"])
    for _ in range(services.MOST_ENDPOINTS):
        services.create_endpoint(user=alice, url="https://example.com/", events=["fill.recorded"])
    with pytest.raises(DomainError, match="WEBHOOK_LIMIT"):
        services.create_endpoint(user=alice, url="https://example.com/", events=["fill.recorded"])


def test_a_task_is_sent_once_a_minute_and_a_failing_endpoint_gets_one_at_a_time(
    alice: User, hook: Hook, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that is worked off slowly does not grow, and whoever hangs does not hold every worker."""
    settings.WEBHOOKS_INSECURE = True
    hook.status = 500
    endpoint, _ = made(alice, hook.url, ["fill.recorded"])
    deliveries = [services.send_test(endpoint=endpoint) for _ in range(services.MOST_TESTS)]
    monkeypatch.setattr(services, "AT_ONCE_EACH", 3)
    assert [services.hand_out(), services.hand_out()] == [3, 0]
    monkeypatch.undo()
    assert [services.hand_out(), services.hand_out()] == [services.MOST_TESTS - 3, 0]
    services.deliver(delivery_id=deliveries[0].pk)
    clock.ahead += services.CLAIM
    assert services.due_deliveries() == [deliveries[1].pk]
    services.deliver(delivery_id=deliveries[1].pk)
    assert services.hand_out() == 0
    hook.status = 200
    clock.ahead += services.PAUSES[0]
    services.deliver(delivery_id=deliveries[2].pk)
    assert services.hand_out() == 4  # the others, and those that failed again


def test_a_failure_told_late_does_not_wake_what_was_switched_off(
    alice: User, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    endpoint, _ = made(alice, "https://hooks.example.com/", ["fill.recorded"])
    delivery = services.send_test(endpoint=endpoint)

    def post(*args: Any) -> sending.Answer:
        services._disable(endpoint, wall_now())
        return sending.Answer(500, 1, "")

    monkeypatch.setattr(services, "post", post)
    services.deliver(delivery_id=delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.FAILED
    with pytest.raises(DomainError, match="WEBHOOK_DISABLED"):
        services.send_test(endpoint=endpoint)


def test_tests_are_a_few_a_minute(alice: User, clock: Clock) -> None:
    endpoint, _ = made(alice, "https://hooks.example.com/", ["fill.recorded"])
    for _ in range(services.MOST_TESTS):
        services.send_test(endpoint=endpoint)
    with pytest.raises(DomainError, match="WEBHOOK_TESTED_TOO_OFTEN"):
        services.send_test(endpoint=endpoint)
    clock.ahead += timedelta(minutes=1)
    services.send_test(endpoint=endpoint)


def test_what_strangers_may_delay_waits_in_a_queue_of_its_own() -> None:
    from config.celery import app

    assert app.amqp.router.route({}, "accounts.deliver_webhook")["queue"].name == "webhooks"


@pytest.mark.services
def test_a_row_is_settled_only_when_no_open_transaction_can_come_before_it(clock: Clock) -> None:
    """However long a transaction takes: what it wrote at its beginning is read when it commits."""
    clock.ahead = timedelta(minutes=10)

    def settled_since() -> timedelta:
        with connection.cursor() as cursor:  # in one transaction the server looks once
            cursor.execute("SELECT pg_stat_clear_snapshot()")
        return wall_now() - SETTLED_AFTER - settled_before()

    with psycopg.connect(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"]) as other:
        other.execute("SELECT 1")  # who only reads holds nothing up
        assert settled_since() == timedelta()
        other.execute("SELECT pg_current_xact_id()")
        assert settled_since() > timedelta(minutes=9)
        other.commit()
        assert settled_since() == timedelta()
