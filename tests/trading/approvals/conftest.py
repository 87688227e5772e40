"""A workspace with one portfolio, and the same with a limit above which a second person is asked."""

from __future__ import annotations

from decimal import Decimal

import pytest

from accounts.models import User
from accounts.teams.models import Membership, Role, Workspace
from accounts.teams.services import create_workspace
from portfolios.models import Portfolio
from portfolios.services.sharing import give_to_workspace
from portfolios.services.subaccounts import set_approval
from tests.fixtures_trading import Pit


@pytest.fixture
def team(pit: Pit, bob: User, charlie: User) -> Workspace:
    """alice owns a workspace that has the lead portfolio, bob trades in it, charlie only looks."""
    made = create_workspace(actor=pit.alice, name="Desk")
    Membership.objects.create(workspace=made, user=bob, role=Role.TRADER)
    Membership.objects.create(workspace=made, user=charlie, role=Role.VIEWER)
    give_to_workspace(actor=pit.alice, portfolio=pit.lead, workspace=made)
    pit.lead.refresh_from_db()
    return made


@pytest.fixture
def guarded(pit: Pit, team: Workspace) -> Portfolio:
    """The lead's market is at 100: two units are worth more than one person may open."""
    set_approval(actor=pit.alice, portfolio=pit.lead, above=Decimal(150), minutes=30)
    return Portfolio.objects.get(pk=pit.lead.pk)
