"""The operators' admin: for operators, through services, and with a content policy of its own."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.forms import model_to_dict
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, AuditEntry, Invitation, Limit, Notification, Plan, SignIn, User
from accounts.services import audit, issue_token, notify, record_sign_in
from accounts.webhooks.models import WebhookDelivery, WebhookEndpoint
from accounts.webhooks.services import create_endpoint, send_test

READ_ONLY: list[type[Model]] = [ApiToken, AuditEntry, SignIn, Notification, WebhookEndpoint, WebhookDelivery]
OURS: list[type[Model]] = [User, Plan, Invitation, *READ_ONLY]


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.org", "correct horse")


@pytest.fixture
def desk(root: User, client: Client) -> Client:
    """The operator's browser."""
    client.force_login(root)
    return client


def _address(model: type[Model], view: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)


@pytest.fixture
def rows(alice: User) -> dict[type[Model], Model]:
    endpoint, _ = create_endpoint(user=alice, url="https://hooks.example.com/t0ken", events=["fill.recorded"])
    return {
        WebhookEndpoint: endpoint,
        WebhookDelivery: send_test(endpoint=endpoint),
        ApiToken: issue_token(user=alice, name="bot")[0],
        AuditEntry: audit(action="test.done", obj=alice),
        SignIn: record_sign_in(email="alice@example.org", user=alice, succeeded=True),
        Notification: notify(user=alice, event="test.happened", context={}),
    }


def test_strangers_are_sent_to_the_sites_own_login(client: Client, alice: User) -> None:
    answer = client.get("/admin/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/login/?next=/admin/")
    answer = client.get(answer["Location"])
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=%2Fadmin%2F")
    client.force_login(alice)
    assert client.get("/admin/login/").status_code == 403


def test_every_list_and_form_of_ours_opens(desk: Client, rows: dict[type[Model], Model]) -> None:
    for model in OURS:
        assert desk.get(_address(model, "changelist"), {"q": "alice"}).status_code == 200, model
    for model, row in rows.items():
        assert desk.get(_address(model, "change", row.pk)).status_code == 200, model


@pytest.mark.parametrize("model", READ_ONLY)
def test_what_is_read_only_cannot_be_added_changed_or_deleted(
    desk: Client, rows: dict[type[Model], Model], model: type[Model]
) -> None:
    row = rows[model]
    before = model_to_dict(row)
    assert desk.get(_address(model, "add")).status_code == 403
    assert desk.post(_address(model, "change", row.pk), {"action": "forged", "name": "forged"}).status_code == 403
    assert desk.post(_address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert model_to_dict(row) == before


def test_a_tokens_digest_is_not_shown(desk: Client, rows: dict[type[Model], Model]) -> None:
    token = ApiToken.objects.get()
    for address in (_address(ApiToken, "changelist"), _address(ApiToken, "change", token.pk)):
        assert token.digest not in desk.get(address).content.decode()


def test_a_webhooks_secrets_are_not_shown(desk: Client, rows: dict[type[Model], Model]) -> None:
    endpoint = WebhookEndpoint.objects.get()
    for address in (_address(WebhookEndpoint, "changelist"), _address(WebhookEndpoint, "change", endpoint.pk)):
        page = desk.get(address).content.decode()
        assert "hooks.example.com" in page
        assert endpoint.secret not in page
        assert "t0ken" not in page


def test_an_operator_revokes_a_token_through_the_service(
    desk: Client, root: User, rows: dict[type[Model], Model]
) -> None:
    token = ApiToken.objects.get()
    desk.post(_address(ApiToken, "changelist"), {"action": "revoke", "_selected_action": [str(token.pk)]})
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert AuditEntry.objects.get(action="token.revoked").actor == root


def _user_form(user: User, **change: object) -> dict[str, object]:
    inline = {
        "profile-TOTAL_FORMS": 1,
        "profile-INITIAL_FORMS": 1,
        "profile-0-user": str(user.pk),
        "profile-0-plan": "",
    }
    return {"is_active": "on", **inline, **change}


def test_locking_somebody_out_is_audited(desk: Client, root: User, alice: User) -> None:
    form = _user_form(alice)
    del form["is_active"]
    assert desk.post(_address(User, "change", alice.pk), form).status_code == 302
    alice.refresh_from_db()
    assert alice.is_active is False
    entry = AuditEntry.objects.get(action="access.changed")
    assert (entry.actor, entry.object_id) == (root, str(alice.pk))


def test_an_address_or_profile_is_not_changed_from_here(desk: Client, alice: User) -> None:
    form = _user_form(alice, email="mallory@example.org", **{"profile-0-handle": "mallory"})
    assert desk.post(_address(User, "change", alice.pk), form).status_code == 302
    alice.refresh_from_db()
    assert (alice.email, alice.profile.handle, alice.is_active) == ("alice@example.org", "alice", True)


def test_a_plan_is_assigned_and_audited(desk: Client, root: User, alice: User) -> None:
    plan = Plan.objects.create(name="Large")
    for _ in range(2):
        form = _user_form(alice, **{"profile-0-plan": str(plan.pk)})
        assert desk.post(_address(User, "change", alice.pk), form).status_code == 302
    alice.profile.refresh_from_db()
    assert alice.profile.plan == plan
    entry = AuditEntry.objects.get(action="plan.assigned")
    assert (entry.actor, entry.object_id) == (root, str(alice.pk))
    assert (entry.before, entry.after) == ({"plan": None}, {"plan": "Large"})


def test_people_are_neither_made_nor_deleted_here(desk: Client, alice: User) -> None:
    assert desk.get(_address(User, "add")).status_code == 403
    assert desk.post(_address(User, "delete", alice.pk), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=alice.pk).exists()


def test_an_invitation_is_made_by_the_service(desk: Client, root: User) -> None:
    assert desk.post(_address(Invitation, "add"), {"email": "new@example.org"}).status_code == 302
    invitation = Invitation.objects.get()
    assert (invitation.created_by, invitation.email) == (root, "new@example.org")
    link = f"http://127.0.0.1:8000/accounts/signup/?invitation={invitation.code}"
    assert link in desk.get(_address(Invitation, "change", invitation.pk)).content.decode()
    assert AuditEntry.objects.filter(action="invitation.created").count() == 1
    assert desk.post(_address(Invitation, "change", invitation.pk), {"email": "x@example.org"}).status_code == 403
    invitation.refresh_from_db()
    assert invitation.email == "new@example.org"


def test_a_changed_limit_is_in_force_and_audited(desk: Client, root: User) -> None:
    plan = Plan.objects.get(is_default=True)
    limits = list(plan.limits.order_by("id"))
    form: dict[str, object] = {"name": plan.name}
    form |= {"limits-TOTAL_FORMS": len(limits), "limits-INITIAL_FORMS": len(limits)}
    for index, limit in enumerate(limits):
        form |= {f"limits-{index}-id": limit.pk, f"limits-{index}-plan": plan.pk, f"limits-{index}-name": limit.name}
        form[f"limits-{index}-value"] = 7 if limit.name == "follows" else limit.value
    assert desk.post(_address(Plan, "change", plan.pk), form).status_code == 302
    assert Limit.objects.get(plan=plan, name="follows").value == 7
    entry = AuditEntry.objects.get(action="plan.changed")
    numbers = {limit.name: limit.value for limit in limits}
    assert (entry.actor, entry.before, entry.after) == (root, numbers, {**numbers, "follows": 7})
    assert desk.post(_address(Plan, "delete", plan.pk), {"post": "yes"}).status_code == 403
    assert Plan.objects.filter(pk=plan.pk).exists()


def test_an_operator_who_is_no_superuser_cannot_make_operators(client: Client, operator: User, alice: User) -> None:
    operator.user_permissions.add(*Permission.objects.filter(content_type__app_label="accounts"))
    client.force_login(operator)
    form = _user_form(alice, is_staff="on", is_superuser="on")
    assert client.post(_address(User, "change", alice.pk), form).status_code == 302
    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser) == (False, False)


def test_the_laxer_policy_holds_in_the_admin_only(desk: Client) -> None:
    inside = desk.get("/admin/")["Content-Security-Policy"]
    # The parts come in any order.
    assert "script-src 'self' 'unsafe-eval'" in inside.split("; ")
    assert "style-src 'self' 'unsafe-inline'" in inside
    for address in ("/accounts/login/", "/settings/", "/admin/login/", "/api/v1/docs/"):
        assert "unsafe" not in desk.get(address)["Content-Security-Policy"], address


def test_the_sidebar_lists_what_is_registered(desk: Client, root: User) -> None:
    shown = desk.get("/admin/").content.decode()
    for model in OURS:
        assert admin.site.is_registered(model)
        assert f'href="{_address(model, "changelist")}"' in shown
    for name in ("auth/group", "account/emailaddress"):
        assert name not in shown
