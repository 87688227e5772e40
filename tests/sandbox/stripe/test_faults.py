"""Every fault of the processor, as a client and a receiver of webhooks meet it."""

from __future__ import annotations

from pathlib import Path

import pytest
import stripe

from sandbox.stripe.faults import FaultKind
from tests.fixtures_stripe import Receiver, StripeSandbox


def made(client: stripe.StripeClient, *names: str) -> list[str]:
    """Create customers of these names, and return how their creation will be told."""
    for name in names:
        client.v1.customers.create({"name": name})
    return list(names)


def told(receiver: Receiver) -> list[str]:
    """Return the names of the customers whose creation was told, in that order."""
    return [one.data.object["name"] for one in receiver.events() if one.type == "customer.created"]


def names(client: stripe.StripeClient) -> list[str | None]:
    """Return who is a customer."""
    return [one.name for one in client.v1.customers.list().data]


@pytest.mark.parametrize(
    ("kind", "status", "done"),
    [("server_error", 500, False), ("server_error_after", 502, True), ("rate_limit", 429, False)],
)
def test_an_answer_that_fails(stripe_sandbox: StripeSandbox, kind: str, status: int, done: bool) -> None:
    client = stripe_sandbox.client()
    stripe_sandbox.fault(kind, where="POST /v1/customers", count=1, status=status)
    with pytest.raises((stripe.APIError, stripe.RateLimitError)) as failed:
        client.v1.customers.create({"name": "bob"}, {"idempotency_key": "one"})
    assert failed.value.http_status == status
    assert names(client) == (["bob"] if done else [])
    client.v1.customers.create({"name": "bob"}, {"idempotency_key": "one"})
    assert names(client) == ["bob"]


def test_an_answer_that_never_comes_is_had_by_its_key(stripe_sandbox: StripeSandbox) -> None:
    stripe_sandbox.fault("timeout_after_accept", where="POST /v1/customers", count=1, seconds=0.01)
    client = stripe_sandbox.client()
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"name": "bob"}, {"idempotency_key": "one"})
    again = client.v1.customers.create({"name": "bob"}, {"idempotency_key": "one"})
    assert again.last_response is not None and again.last_response.headers["Idempotent-Replayed"] == "true"
    assert names(client) == ["bob"]


def test_a_late_answer(stripe_sandbox: StripeSandbox) -> None:
    stripe_sandbox.fault("latency", seconds=0.05, count=1)
    assert names(stripe_sandbox.client()) == []
    assert stripe_sandbox.control("GET", "faults")[0]["struck"] == 1


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("webhook_delay", {"seconds": 0.3}, ["b", "c", "a"]),
        ("webhook_duplicate", {}, ["a", "a", "b", "c"]),
        ("webhook_disorder", {}, ["b", "a", "c"]),
        ("webhook_lost", {}, ["b", "c"]),
    ],
)
def test_webhooks_that_go_wrong(
    stripe_sandbox: StripeSandbox, stripe_receiver: Receiver, kind: str, more: dict[str, float], expected: list[str]
) -> None:
    stripe_sandbox.fault(kind, count=1, **more)
    made(stripe_sandbox.client(), "a", "b", "c")
    stripe_sandbox.drain()
    assert told(stripe_receiver) == expected
    assert len(stripe_sandbox.client().v1.events.list({"type": "customer.created"}).data) == 3


def test_an_event_that_nobody_took_is_sent_again(stripe_sandbox: StripeSandbox, stripe_receiver: Receiver) -> None:
    stripe_receiver.refuse = 1
    made(stripe_sandbox.client(), "a")
    stripe_sandbox.drain()
    assert told(stripe_receiver) == ["a"]
    assert [one["status"] for one in stripe_sandbox.control("GET", "deliveries")] == [500, 200]


def test_an_attempt_that_gets_lost_is_made_again(stripe_sandbox: StripeSandbox, stripe_receiver: Receiver) -> None:
    stripe_sandbox.fault("webhook_drop", count=1)
    made(stripe_sandbox.client(), "a")
    stripe_sandbox.drain()
    assert told(stripe_receiver) == ["a"]
    assert [one["status"] for one in stripe_sandbox.control("GET", "deliveries")] == [0, 200]


def test_a_forged_webhook_is_not_verified(stripe_sandbox: StripeSandbox, stripe_receiver: Receiver) -> None:
    made(stripe_sandbox.client(), "a")
    stripe_sandbox.drain()
    body, signature = stripe_receiver.got[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body.replace(b'"a"', b'"z"'), signature, stripe_sandbox.secret)


def test_every_fault_is_tried_here() -> None:
    source = Path(__file__).read_text()
    assert [kind for kind in FaultKind if f'"{kind}"' not in source] == []
