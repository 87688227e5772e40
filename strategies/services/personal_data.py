"""What this app keeps about a person, taken along or forgotten."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from common.clock import wall_now
from common.errors import DomainError
from strategies.grants.selectors import shown_spec
from strategies.models import Backtest, JobState, RunState, Strategy, Sweep
from strategies.selectors import backtests_of, runs_owned_by, strategies_of, sweeps_of

_FORGOTTEN = ("id", "instrument__symbol", "timeframe", "starts_at", "ends_at", "forgotten_at")


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
        "backtests": [
            {**_plain(one), "result": one.result.summary if one.state == JobState.DONE else None}
            for one in backtests_of(user).select_related("result")
        ],
        "sweeps": [
            {**_plain(one), "results": list(one.results.values("values", "trades", "total_return", "sharpe"))}
            for one in sweeps_of(user)
        ],
        # Of what they deleted: that they tried something on these candles is all that is left.
        "forgotten": [
            row
            for model in (Backtest, Sweep)
            for row in model.objects.filter(owner=user).exclude(forgotten_at=None).order_by("pk").values(*_FORGOTTEN)
        ],
        "grants": list(
            user.strategy_grants.order_by("pk").values("id", "version_id", "until", "granted_at", "revoked_at")
        ),
        "runs": list(
            runs_owned_by(user).values("id", "version_id", "portfolio_id", "state", "started_at", "stopped_at")
        ),
    }


def _plain(study: Backtest | Sweep) -> dict[str, Any]:
    names = ("name", "state", "created_at", "finished_at")
    spec = shown_spec(study) if isinstance(study, Backtest) else study.spec
    return {"id": study.pk, "spec": spec, **{name: getattr(study, name) for name in names}}


def erase_strategies(user: User) -> None:
    """Delete the user's backtests and sweeps, and take the names off their strategies: what those did stays in books."""
    if runs_owned_by(user).filter(state=RunState.RUNNING).exists():
        raise DomainError("RUNS_STILL_RUNNING", "Stop your running strategies first.", status=409)
    user.strategy_grants.filter(revoked_at=None).update(revoked_at=wall_now())
    # Whoever computes one of them finds that the claim is lost.
    Backtest.objects.filter(owner=user).delete()
    Sweep.objects.filter(owner=user).delete()
    for one in Strategy.objects.filter(owner=user):
        one.name = f"Strategy {one.pk.hex}"
        one.save(update_fields=["name"])
