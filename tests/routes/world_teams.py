"""What stands in the world of teams: alice's workspace with a viewer and a trader, what she lent, an order that waits."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from accounts.audit_log.services import seal_entries
from accounts.models import User
from accounts.selectors import token_digest
from accounts.services import create_person
from accounts.teams.models import Membership, Role, Workspace, WorkspaceInvitation
from accounts.teams.services import create_workspace, invite_member, save_set
from common.clock import wall_now
from common.errors import DomainError
from portfolios.delegation_models import Delegation, DelegationScope
from portfolios.models import Portfolio
from portfolios.services.sharing import give_to_workspace, lend
from portfolios.services.subaccounts import set_approval, set_sub_account
from trading.approvals.models import OrderApproval
from trading.models import Side
from trading.services.orders import place_hand_order

if TYPE_CHECKING:
    from tests.routes.world import World

CODE = "a-code-that-was-mailed"
Places = dict[str, dict[str, Any]]


def team_up(world: World) -> None:
    """Let alice found a workspace, and all that may happen in it happen once."""
    alice, pit = world.people["alice"], world.pit
    made = create_workspace(actor=alice, name="Desk")
    vera, theo, lena = (create_person(email=f"{name}@example.org", password="x") for name in ("vera", "theo", "lena"))
    viewer = join(made, vera, Role.VIEWER)
    join(made, theo, Role.TRADER)
    held = save_set(actor=alice, workspace=made, name="Checker", permissions=["approve"])
    invitation = invite_member(actor=alice, workspace=made, email="bob@example.org", role=Role.ANALYST)
    WorkspaceInvitation.objects.update(digest=token_digest(CODE))
    book = pit.portfolio(alice, 1_000, "Shared")
    give_to_workspace(actor=alice, portfolio=book, workspace=made)
    set_approval(actor=alice, portfolio=book, above=Decimal(100))
    approval = let_wait(world, theo, book)
    lent = lend_to(lena, pit.lead, alice)
    child, parent = (pit.portfolio(alice, 100, name) for name in ("Child", "Parent"))
    set_sub_account(actor=alice, portfolio=child, parent=parent, max_capital=Decimal(500))
    empty, theirs = create_workspace(actor=alice, name="Empty"), create_workspace(actor=theo, name="Theo's")
    join(theirs, alice, Role.VIEWER)
    world.values |= {
        "workspace_id": made.pk,
        "membership_id": viewer.pk,
        "invitation_id": invitation.pk,
        "set_id": held.pk,
        "code": CODE,
        "form": "csv",
        "approval_id": approval.pk,
        "delegation_id": lent.pk,
    }
    shared, closed = {"portfolio_id": book.pk}, {"workspace_id": empty.pk}
    world.places = {
        "accounts:close_workspace": closed,
        "accounts_api:workspace": closed,
        "accounts:leave_workspace": {"workspace_id": theirs.pk},
        "portfolios:take": shared,
        "portfolios:approval": shared,
        "portfolios:approvals": shared,
        "portfolios_api:approval_limit": shared,
        "portfolios:ungroup": {"portfolio_id": child.pk},
        "portfolios_api:sub_account": {"portfolio_id": child.pk},
        "portfolios_api:workspace_of_portfolio": shared,
    }
    world.team = {"vera": vera, "theo": theo, "lena": lena, "parent": parent}
    seal_entries()


def join(workspace: Workspace, user: User, role: Role) -> Membership:
    return Membership.objects.create(workspace=workspace, user=user, role=role)


def let_wait(world: World, asker: User, book: Portfolio) -> OrderApproval:
    """Let somebody ask for more than one person may."""
    with suppress(DomainError):
        place_hand_order(
            actor=asker, portfolio=book, instrument=world.pit.instrument, side=Side.BUY, quantity=Decimal(2)
        )
    return OrderApproval.objects.get(portfolio=book)


def lend_to(person: User, portfolio: Portfolio, owner: User) -> Delegation:
    ends_at = wall_now() + timedelta(days=1)
    return lend(
        actor=owner,
        portfolio=portfolio,
        handle=person.profile.handle,
        scope=DelegationScope.TRADE,
        ends_at=ends_at,
    )


def team_bodies(world: World) -> dict[tuple[str, str], Any]:
    """Return what the routes of teams are sent, as bodies.py has it."""
    own, workspace = str(world.own["alice"].pk), str(world.values["workspace_id"])
    group, ends = {"parent": own, "max_capital": "50000"}, wall_now() + timedelta(days=2)
    parent = {**group, "parent": str(world.team["parent"].pk)}
    member = str(world.values["membership_id"])
    posts = {
        "accounts:workspaces": {"name": "Second"},
        "accounts:rename_workspace": {"name": "Other"},
        "accounts:invite_to_workspace": {"email": "erin@example.org", "role": "viewer"},
        "accounts:workspace_role": {"role": "analyst"},
        "accounts:new_workspace_set": {"name": "Night watch", "permissions": ["trade"]},
        "accounts:edit_workspace_set": {"name": "Checkers", "permissions": ["approve"]},
        "portfolios:give": {"workspace": workspace},
        "portfolios:lend": {"handle": "charlie", "scope": "view", "until": f"{ends:%Y-%m-%d}"},
        "portfolios:group": group,
        "portfolios:approval": {"above": "50", "minutes": "30"},
    }
    return {(name, "POST"): body for name, body in posts.items()} | {
        ("accounts_api:workspaces", "POST"): {"name": "Second"},
        ("accounts_api:workspace", "PATCH"): {"name": "Other"},
        ("accounts_api:join_workspace", "POST"): {"code": CODE},
        ("accounts_api:workspace_member", "PATCH"): {"role": "analyst"},
        ("accounts_api:workspace_invitations", "POST"): {"email": "erin@example.org", "role": "viewer"},
        ("accounts_api:workspace_owner", "PUT"): {"member": member},
        ("accounts_api:workspace_sets", "POST"): {"name": "Night watch", "permissions": ["trade"]},
        ("accounts_api:workspace_set", "PUT"): {"name": "Checkers", "permissions": ["approve"]},
        ("portfolios_api:workspace_of_portfolio", "PUT"): {"workspace": workspace},
        ("portfolios_api:delegations", "POST"): {"handle": "charlie", "scope": "view", "ends_at": ends.isoformat()},
        ("portfolios_api:sub_account", "PUT"): parent,
        ("portfolios_api:approval_limit", "PUT"): {"above": "50"},
    }
