"""What upper apps tell teams in `AppConfig.ready`: what keeps a person, or a workspace, from going."""

from __future__ import annotations

from collections.abc import Callable

from accounts.models import User
from accounts.teams.models import Workspace

# (workspace, person or None for everybody) -> raises DomainError where something must be settled first.
Check = Callable[[Workspace, User | None], None]
_checks: list[Check] = []


def register_departure(check: Check) -> None:
    """Have a check asked, in the caller's transaction, before somebody leaves a workspace or it is closed."""
    if check not in _checks:
        _checks.append(check)


def check_departure(workspace: Workspace, user: User | None) -> None:
    """Raise the first check's DomainError."""
    for check in _checks:
        check(workspace, user)
