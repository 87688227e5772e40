"""A backtest's life: asked for, computed in a child process by whoever claims it, cancelled, forgotten."""

from __future__ import annotations

from uuid import UUID

from accounts.models import User
from strategies.faces import Face
from strategies.models import Backtest, StrategyVersion
from strategies.terms import Terms


def request_backtest(
    *, owner: User, terms: Terms, version: StrategyVersion | None = None, face: Face | None = None, name: str = ""
) -> Backtest:
    """Store a backtest of a version, or of a strategy that was not saved (`face`), and have it computed.

    What was computed before on the same spec is not computed again: the owner's own finished row is returned, another's
    answer is shown in a new row that is DONE at once. Refusals name the field in their context.
    """
    raise NotImplementedError


def cancel_backtest(*, actor: User, backtest: Backtest) -> Backtest:
    """End a backtest that is not finished; one that is being computed stops within a second. A repeat is a no-op."""
    raise NotImplementedError


def delete_backtest(*, actor: User, backtest: Backtest) -> None:
    """Forget a finished backtest, and its result unless another shows it too."""
    raise NotImplementedError


def run_backtest_job(*, backtest_id: UUID) -> None:
    """Claim a queued backtest and compute it; a no-op where another has it, it is finished or its owner's turn is not."""
    raise NotImplementedError
