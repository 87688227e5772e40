"""Taking one's data along, and being forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.test import Client

from accounts import registry
from accounts.models import AuditEntry, User
from accounts.selectors import token_from_secret
from accounts.services import (
    create_person,
    erase_person,
    export_personal_data,
    issue_token,
    notify,
    record_sign_in,
    update_profile,
)
from common.errors import DomainError


@pytest.fixture
def dora(db: None) -> User:
    user = create_person(email="dora@example.org", password="correct horse", display_name="Dora", handle="dora")
    update_profile(user=user, bio="I trade plums.")
    record_sign_in(email=user.email, user=user, succeeded=True)
    notify(user=user, event="test.stopped", context={"lead": "Ema"})
    return user


@pytest.fixture
def upper_app() -> Iterator[list[User]]:
    """An app above accounts that keeps data of its own; the list holds whom it was asked to forget."""
    forgotten: list[User] = []

    def erase(user: User) -> None:
        if user.profile.handle == "busy":
            raise DomainError("FOLLOW_UNFINISHED", "Stop your follows first.")
        forgotten.append(user)

    registry.register_personal_data("upper", export=lambda user: {"plums": user.profile.handle}, erase=erase)
    yield forgotten
    del registry._personal_data["upper"]


def test_the_export_holds_every_apps_answer_about_this_person_only(
    dora: User, bob: User, upper_app: list[User]
) -> None:
    issue_token(user=dora, name="bot")
    data = json.loads(json.dumps(export_personal_data(user=dora), cls=DjangoJSONEncoder))
    assert data["upper"] == {"plums": "dora"}
    own = data["accounts"]
    assert own["email"] == "dora@example.org"
    assert own["profile"] == {"handle": "dora", "display_name": "Dora", "bio": "I trade plums."}
    assert [token["name"] for token in own["tokens"]] == ["bot"]
    assert "digest" not in own["tokens"][0]
    assert [one["succeeded"] for one in own["sign_ins"]] == [True]
    assert [(one["event"], one["context"]) for one in own["notifications"]] == [("test.stopped", {"lead": "Ema"})]
    assert "person.exported" in [act["action"] for act in own["acts"]]
    assert "bob" not in json.dumps(data)


def test_every_app_whose_rows_name_a_user_has_registered() -> None:
    # allauth's rows are ours to export; django's admin log is operators'.
    own = {"accounts", "account", "allauth_idp_oidc", "mfa", "socialaccount", "usersessions", "admin"}
    naming = {
        model._meta.app_label
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.many_to_one and field.related_model is User
    }
    assert naming - own == set(registry.personal_data()) - own


def test_who_leaves_is_forgotten_and_locked_out(dora: User, bob: User, client: Client, upper_app: list[User]) -> None:
    _, secret = issue_token(user=dora, name="bot")
    client.force_login(dora)
    erase_person(user=dora)
    assert upper_app == [dora]
    dora = User.objects.get(pk=dora.pk)
    assert dora.email == f"erased-{dora.pk.hex}@erased.invalid"
    assert (dora.is_active, dora.has_usable_password()) == (False, False)
    assert (dora.profile.display_name, dora.profile.bio) == ("Left", "")
    assert dora.profile.handle == f"erased_{dora.pk.hex[-16:]}"
    assert not EmailAddress.objects.filter(user=dora).exists()
    assert dora.sign_ins.count() == dora.notifications.count() == dora.api_tokens.count() == 0
    with pytest.raises(DomainError, match="BAD_TOKEN"):
        token_from_secret(secret)
    assert client.get("/api/v1/me/").status_code == 401
    # The audit stays, and leads to nobody.
    assert dora.audit_entries.filter(action="person.erased").exists()
    bob.refresh_from_db()
    assert (bob.email, bob.is_active) == ("bob@example.org", True)


def test_the_address_is_free_again(dora: User) -> None:
    erase_person(user=dora)
    again = create_person(email="dora@example.org", password="pw", handle="dora")
    assert again.pk != dora.pk
    assert again.profile.handle == "dora"


def test_an_app_that_objects_leaves_everything_as_it_was(dora: User, upper_app: list[User]) -> None:
    update_profile(user=dora, handle="busy")
    with pytest.raises(DomainError, match="FOLLOW_UNFINISHED"):
        erase_person(user=dora)
    dora = User.objects.get(pk=dora.pk)
    assert (dora.email, dora.is_active, dora.profile.handle) == ("dora@example.org", True, "busy")
    assert (dora.sign_ins.count(), dora.notifications.count()) == (1, 1)
    assert not AuditEntry.objects.filter(action="person.erased").exists()
