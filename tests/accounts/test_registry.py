"""How events read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from accounts import registry
from accounts.registry import Description, describe


@pytest.fixture(autouse=True)
def _event() -> Iterator[None]:
    registry.register_event(
        "test.denied", title="{symbol} denied", body="{count} orders of {lead}", url="/follows/{follow}/", mail=False
    )
    yield
    del registry._events["test.denied"]


def test_an_events_templates_are_filled_from_its_context() -> None:
    context = {"symbol": "BTC-USDT", "count": 3, "lead": "Ema {count}", "follow": "7"}
    assert describe("test.denied", context) == Description("BTC-USDT denied", "3 orders of Ema {count}", "/follows/7/")
    assert registry.event("test.denied").mail is False


def test_a_row_older_than_its_wording_still_reads() -> None:
    assert describe("test.denied", {"symbol": "BTC-USDT"}) == Description(
        "BTC-USDT denied", "– orders of –", "/follows/–/"
    )


def test_an_event_nobody_declared_reads_as_its_name_and_is_mailed() -> None:
    assert describe("test.has_stopped", {"any": "thing"}) == Description("Test has stopped", "", "")
    assert registry.event("test.has_stopped").mail is True
