"""What upper apps tell teams in `AppConfig.ready`: what keeps a person, or a workspace, from going, and what goes along."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from accounts.models import User
from accounts.teams.models import Workspace

# (workspace, person or None for everybody) -> raises DomainError where something must be settled first.
Check = Callable[[Workspace, User | None], None]
_checks: list[Check] = []
# (workspace, person, the permissions they had and have no more) -> takes away what rested on those. Who has gone lost VIEW.
Loss = Callable[[Workspace, UUID, frozenset[str]], None]
_losses: list[Loss] = []


def register_departure(check: Check) -> None:
    """Have a check asked, in the caller's transaction, before somebody leaves a workspace or it is closed."""
    if check not in _checks:
        _checks.append(check)


def check_departure(workspace: Workspace, user: User | None) -> None:
    """Raise the first check's DomainError."""
    for check in _checks:
        check(workspace, user)


def register_loss(loss: Loss) -> None:
    """Have something done, in the caller's transaction, when a member has lost permissions, or has gone."""
    if loss not in _losses:
        _losses.append(loss)


def tell_loss(workspace: Workspace, user_id: UUID, lost: frozenset[str]) -> None:
    """Have everything done that follows from lost permissions; nothing where none was."""
    for loss in _losses if lost else ():
        loss(workspace, user_id, lost)
