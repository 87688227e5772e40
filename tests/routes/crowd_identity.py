"""More of what people have of their own: what they are told and where, webhooks, archives, workspaces and who is in them."""

from __future__ import annotations

from accounts.models import AuditEntry, Notification, User
from accounts.notifying.models import Channel, Delivery, PushSubscription
from accounts.privacy.models import ArchiveState, DataArchive
from accounts.teams.models import Membership, PermissionSet, Role, Workspace, WorkspaceInvitation
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.clock import wall_now
from common.ids import new_id
from tests.routes.crowd_rows import Rows


def more_of_identity(rows: Rows, people: list[User]) -> None:
    """Let alice be told more, in more places, and know more people."""
    _told(rows)
    _teams(rows, people)
    values = rows.world.values
    hook = WebhookEndpoint.objects.get(pk=values["endpoint_id"])
    rows.copies(hook, url=lambda n: f"https://example.com/hook/{n}")
    rows.copies(rows.first(WebhookDelivery, endpoint=hook), event_id=lambda n: f"crowd-{n}")
    # One that is under way is the only one.
    rows.copies(DataArchive.objects.get(pk=values["archive_id"]), state=lambda n: ArchiveState.EXPIRED)


def _told(rows: Rows) -> None:
    alice, now = rows.world.people["alice"], wall_now()
    told = rows.copies(rows.first(Notification, user=alice))
    facts = {"user": alice, "channel": Channel.MAIL, "planned_at": now, "due_at": now}
    Delivery.objects.bulk_create(Delivery(notification=one, **facts) for one in told)
    browser = PushSubscription.objects.get(pk=rows.world.values["browser_id"])
    rows.copies(browser, endpoint=lambda n: f"https://push.example.com/crowd/{n}", digest=lambda n: new_id().hex * 2)


def _teams(rows: Rows, people: list[User]) -> None:
    """Let everybody join alice's workspace, half of them by a set of its own, and alice a workspace of each."""
    alice, made = rows.world.people["alice"], Workspace.objects.get(pk=rows.world.values["workspace_id"])
    held = rows.copies(PermissionSet.objects.get(pk=rows.world.values["set_id"]), name=lambda n: f"Set {n}")
    at = rows.at(held)
    member = Membership.objects.get(pk=rows.world.values["membership_id"])
    rows.copies(member, user_id=rows.at(people), permission_set_id=lambda n: at(n) if n % 2 else None)
    workspaces = rows.copies(made, name=lambda n: f"Workspace {n}")
    own = Membership.objects.get(workspace=made, user=alice)
    rows.copies(own, workspace_id=rows.at(workspaces), role=lambda n: Role.VIEWER)
    invitation = WorkspaceInvitation.objects.get(pk=rows.world.values["invitation_id"])
    rows.copies(invitation, email=lambda n: f"guest-{n}@example.org", digest=lambda n: new_id().hex * 2)
    # What each of them did there.
    rows.copies(rows.first(AuditEntry, workspace_id=made.pk), actor_id=rows.at(people))
