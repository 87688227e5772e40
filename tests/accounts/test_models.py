"""What the rows themselves refuse, whoever writes them."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import ApiToken, AuditEntry, Limit, Plan, Profile, SignIn, User, handle_stem
from accounts.services import audit


@pytest.mark.parametrize(
    ("email", "stem"),
    [
        ("alice@example.org", "alice"),
        ("Alice.W+news@example.org", "alice_w_news"),
        ("al@example.org", "trader_al"),
        ("@example.org", "trader"),
        ("…@example.org", "trader"),
        (f"{'x' * 60}@example.org", "x" * 24),
    ],
)
def test_a_handle_is_made_from_the_address(email: str, stem: str) -> None:
    assert handle_stem(email) == stem


def test_a_taken_handle_gets_a_number(db: None) -> None:
    handles = [User.objects.create_user(f"alice@{host}.org", "pw").profile.handle for host in ("a", "b", "c")]
    assert handles == ["alice", "alice2", "alice3"]


def test_who_is_made_an_operator_on_the_command_line_can_log_in(client: Client, db: None) -> None:
    call_command("createsuperuser", "--noinput", "--email", "Root@example.org")
    root = User.objects.get(email="root@example.org")
    assert (root.is_staff, root.is_superuser) == (True, True)
    root.set_password("correct horse")
    root.save()
    answer = client.post(reverse("account_login"), {"login": root.email, "password": "correct horse"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_nobody_signs_up_as_the_house(db: None) -> None:
    assert User.objects.create_user("admin@example.org", "pw").profile.handle == "admin2"


def test_addresses_are_kept_in_lower_case_and_unique(db: None) -> None:
    assert User.objects.create_user("Alice@Example.ORG", "pw").email == "alice@example.org"
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("ALICE@example.org", "pw")
    assert User.objects.count() == Profile.objects.count() == 1


def test_a_user_needs_an_address(db: None) -> None:
    with pytest.raises(ValueError, match="needs an e-mail address"):
        User.objects.create_user("", "pw")
    assert User.objects.count() == 0


@pytest.mark.parametrize("handle", ["ab", "x" * 31, "Alice", "a b c", "alice\n", "älice"])
def test_the_database_refuses_a_malformed_handle(alice: User, handle: str) -> None:
    with pytest.raises(Exception, match=r"handle_is_well_formed|too long"), transaction.atomic():
        Profile.objects.filter(user=alice).update(handle=handle)
    alice.profile.refresh_from_db()
    assert alice.profile.handle == "alice"


def test_audit_entries_are_never_changed_or_deleted(alice: User) -> None:
    entry = audit(action="test.done", obj=alice)
    entry.action = "test.undone"
    with pytest.raises(TypeError, match="never changed"):
        entry.save()
    with pytest.raises(TypeError, match="never changed"):
        AuditEntry.objects.filter(pk=entry.pk).update(action="test.undone")
    with pytest.raises(TypeError, match="never changed"), transaction.atomic():
        AuditEntry.objects.bulk_update([entry], ["action"])
    with pytest.raises(TypeError, match="never deleted"):
        entry.delete()
    with pytest.raises(TypeError, match="never deleted"):
        AuditEntry.objects.all().delete()
    assert AuditEntry.objects.get(pk=entry.pk).action == "test.done"


def test_there_is_one_default_plan(db: None) -> None:
    assert Plan.objects.filter(is_default=True).count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Plan.objects.create(name="Another", is_default=True)


def test_a_plan_names_each_limit_once(db: None) -> None:
    plan = Plan.objects.create(name="Large")
    Limit.objects.create(plan=plan, name="follows", value=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        Limit.objects.create(plan=plan, name="follows", value=2)
    assert plan.limits.get().value == 1


def test_a_token_cannot_be_stored_in_plain(alice: User) -> None:
    with pytest.raises(IntegrityError, match="only_a_digest_is_stored"), transaction.atomic():
        ApiToken.objects.create(user=alice, name="x", prefix="slip_", digest="slip_the-token-itself")
    assert ApiToken.objects.count() == 0


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl"),
        ("", "–"),
    ],
)
def test_a_browser_is_named_as_people_know_it(user_agent: str, name: str) -> None:
    assert SignIn(user_agent=user_agent).browser == name
