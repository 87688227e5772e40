"""What must be watched for the runs: the candles on which they decide, and the price at which they act."""

from __future__ import annotations

from markets.models import InterestKind
from markets.services import renew_interests
from strategies.models import RunState, StrategyRun


def renew_run_interests() -> int:
    """Have candles and price of every running run watched, at connected exchanges, each run for itself; two statements."""
    running = StrategyRun.objects.filter(state=RunState.RUNNING).exclude(instrument__exchange__dialect="")
    return renew_interests(
        wanted=[
            (instrument_id, kind, f"run:{run_id}")
            for run_id, instrument_id in running.order_by().values_list("pk", "instrument")
            for kind in (InterestKind.CANDLES, InterestKind.TICKER)
        ]
    )
