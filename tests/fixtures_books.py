"""Proof that a refusal changed nothing: every row that money, orders and rights rest on is as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.db.models import Model, QuerySet

from accounts.models import AuditEntry
from portfolios.models import Balance, LedgerLine, Portfolio, Position
from trading.models import Fill, Follow, FollowCommand, LeadStream, Order, SafetySwitch

_WATCHED: list[type[Model]] = [
    AuditEntry,
    Balance,
    Fill,
    Follow,
    FollowCommand,
    LeadStream,
    LedgerLine,
    Order,
    Portfolio,
    Position,
    SafetySwitch,
]


def _rows() -> dict[str, list[tuple[object, ...]]]:
    rows: dict[str, QuerySet[Any]] = {model.__name__: model._default_manager.order_by("pk") for model in _WATCHED}
    # That somebody came in to be refused stands in the audit.
    rows[AuditEntry.__name__] = rows[AuditEntry.__name__].exclude(action="sign_in.accepted")
    return {name: list(found.values_list()) for name, found in rows.items()}


Unchanged = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def unchanged(db: None) -> Unchanged:
    """Give `with unchanged():`; fails where the block wrote, changed or removed a row."""

    @contextmanager
    def watching() -> Iterator[None]:
        before = _rows()
        yield
        assert _rows() == before

    return watching
