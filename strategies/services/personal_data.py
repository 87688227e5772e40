"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from common.errors import DomainError
from strategies.models import RunState, Strategy
from strategies.selectors import runs_of, strategies_of


def export_strategies(user: User) -> dict[str, Any]:
    """Return the user's strategies with their versions, and their runs."""
    return {
        "strategies": [
            {
                "id": one.pk,
                "name": one.name,
                "template": one.template,
                "created_at": one.created_at,
                "versions": [
                    {
                        "number": version.number,
                        "instrument": version.instrument.symbol,
                        "timeframe": version.timeframe,
                        "graph": version.graph,
                        "created_at": version.created_at,
                    }
                    for version in one.versions.all()
                ],
            }
            for one in strategies_of(user)
        ],
        "runs": list(runs_of(user).values("id", "version_id", "portfolio_id", "state", "started_at", "stopped_at")),
    }


def erase_strategies(user: User) -> None:
    """Take the names off the user's strategies; what they did stays, for books rest on it."""
    if runs_of(user).filter(state=RunState.RUNNING).exists():
        raise DomainError("RUNS_STILL_RUNNING", "Stop your running strategies first.", status=409)
    for one in Strategy.objects.filter(owner=user):
        one.name = f"Strategy {one.pk.hex}"
        one.save(update_fields=["name"])
