"""The plans of one namespace in memory: which is due when, and which has news, kept current by the rows' change numbers."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import CharField, PositiveBigIntegerField, Q, QuerySet

from common.db import Slot
from common.prepared import Prepared
from trading.plans.models import UNFINISHED_PLAN, Plan, PlanState
from trading.plans.services.stepping import step_plan


def _changed() -> QuerySet[Plan, Any]:
    changed = Plan.objects.filter(
        namespace=Slot("namespace", CharField()), change__gt=Slot("seen", PositiveBigIntegerField())
    )
    return changed.order_by("change").values_list("pk", "change", "instrument_id", "state", "due_at", "has_news")


_CHANGED = Prepared(_changed)
_UNFINISHED = Prepared(lambda: _changed().filter(Q(state__in=UNFINISHED_PLAN) | Q(has_news=True)))


@dataclass(frozen=True, slots=True)
class _Kept:
    """A plan as the book needs it."""

    change: int
    instrument_id: UUID
    due_at: datetime | None
    has_news: bool


class PlanBook:
    """Steps plans when it is time; what becomes of a step is the services' to decide, so that a tick costs no query."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next refresh reads all that is unfinished or has news."""
        self._plans: dict[UUID, _Kept] = {}
        # Stepped, and not done with: an order was on its way, there was no price, or something broke.
        self._again: set[UUID] = set()
        self._seen = 0

    def __len__(self) -> int:
        return len(self._plans)

    def refresh(self) -> None:
        """Read the plans that changed since the last time; the first time, all that may still do something."""
        changed = _CHANGED if self._seen else _UNFINISHED
        for pk, change, instrument_id, state, due_at, has_news in changed.rows(
            namespace=self.namespace, seen=self._seen
        ):
            self._seen = change
            self._again.discard(pk)
            self._plans.pop(pk, None)
            if state in UNFINISHED_PLAN or has_news:
                waits = due_at if state == PlanState.RUNNING else None
                self._plans[pk] = _Kept(change, instrument_id, waits, has_news)

    def would_step(self, at: datetime) -> bool:
        """Say whether a plan has something to do at a moment of market time."""
        return any(self._is_due(pk, one, at) for pk, one in self._plans.items())

    def step(self, at: datetime, failures: list[Exception], instruments: Collection[UUID] | None = None) -> int:
        """Step the plans that have news or are due at a moment of market time; return how many.

        With `instruments` only theirs: those whose prices have just come. Without, those again that could not be stepped.
        One that fails keeps none of the others from their turn; why goes to `failures`.
        """
        if instruments is None:
            self._again.clear()
        done = 0
        for pk, one in list(self._plans.items()):
            if self._is_due(pk, one, at) and (instruments is None or one.has_news or one.instrument_id in instruments):
                done += self._step(pk, one, failures)
        return done

    def _is_due(self, pk: UUID, one: _Kept, at: datetime) -> bool:
        return pk not in self._again and (one.has_news or (one.due_at is not None and one.due_at <= at))

    def _step(self, pk: UUID, one: _Kept, failures: list[Exception]) -> bool:
        # It comes back as its row says, once that has changed; until then it is not asked again but by a look.
        self._again.add(pk)
        try:
            return step_plan(plan_id=pk, change=one.change)
        except Exception as failure:
            failures.append(failure)
            return False
