"""What a workspace's page shows of orders that wait for a second person."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.teams.models import Membership, Permission
from accounts.teams.showing import Panel
from trading.approvals.selectors import approvals, waiting


def approvals_panel(request: HttpRequest, mine: Membership) -> Panel:
    """Return the orders of the workspace that wait, and whether this member decides them."""
    held = waiting(approvals().filter(portfolio__workspace=mine.workspace_id))[:100]
    return Panel("trading/_approvals.html", {"approvals": held, "may_approve": Permission.APPROVE in mine.permissions})
