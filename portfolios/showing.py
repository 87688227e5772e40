"""What a workspace's page shows of its portfolios."""

from __future__ import annotations

from django.http import HttpRequest

from accounts.teams.models import Membership
from accounts.teams.showing import Panel
from portfolios.models import Portfolio, PortfolioState
from portfolios.selectors import worth_of


def portfolios_panel(request: HttpRequest, mine: Membership) -> Panel:
    """Return the workspace's portfolios with what they are worth, in a constant number of statements."""
    books = Portfolio.objects.filter(workspace=mine.workspace_id).exclude(state=PortfolioState.CLOSED)
    held = list(books.select_related("settlement", "workspace").order_by("pk"))
    worth = worth_of(held)
    return Panel("portfolios/_workspace.html", {"rows": [(one, worth[one.pk]) for one in held]})
