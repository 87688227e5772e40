"""Running follow commands: each kind has its service."""

from __future__ import annotations

from trading.models import FollowCommand, FollowCommandKind
from trading.services.follows import close_all_held
from trading.services.resyncing import resync


def run_command(*, command_id: int) -> None:
    """Do what a command asks for; one that is done, and a repair, whose orders were written with it, ask for nothing."""
    kind = FollowCommand.objects.values_list("kind", flat=True).get(pk=command_id)
    if kind == FollowCommandKind.CLOSE_ALL:
        close_all_held(command_id=command_id)
    elif kind in (FollowCommandKind.RESYNC, FollowCommandKind.CATCH_UP):
        resync(command_id=command_id)
