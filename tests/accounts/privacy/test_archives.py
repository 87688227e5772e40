"""An archive of one's data: what is in it, who gets it, until when, and what a dead worker leaves."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.test import Client, override_settings
from django.urls import reverse
from pytest_django import Settings

from accounts import registry
from accounts.models import AuditEntry, User
from accounts.notifying.models import PushSubscription, Reach
from accounts.privacy.archive_file import write_archive
from accounts.privacy.models import DataArchive
from accounts.privacy.selectors import archive_path
from accounts.privacy.services import archives
from accounts.privacy.services.archives import make_archive, request_archive, sweep_archives
from accounts.services import erase_person, notify, update_profile
from common.errors import DomainError
from common.failpoints import failpoints_into
from tests.accounts.conftest import NOON, Wall

DOCS = Path(__file__).resolve().parents[3] / "docs" / "privacy.md"


@pytest.fixture(autouse=True)
def _folder(settings: Settings, tmp_path: Path) -> Iterator[None]:
    settings.ARCHIVE_DIR = tmp_path / "archives"
    yield


def made(user: User) -> DataArchive:
    archive = request_archive(user=user)
    assert make_archive(archive_id=archive.pk) is True
    return DataArchive.objects.get(pk=archive.pk)


def test_everything_is_there_twice_and_explained(alice: User, bob: User, wall: Wall) -> None:
    update_profile(user=alice, bio="I trade plums.")
    for name in ("=HYPERLINK(1)", "Ema"):
        notify(user=alice, event=name, context={"name": name})
    notify(user=bob, event="his.own", context={})
    Reach.objects.create(user=alice, telegram_chat="5551", telegram_code="c0de" * 16)
    PushSubscription.objects.create(
        user=alice, endpoint="https://push.example/hush", digest="d", p256dh="p", auth="a", label="Firefox"
    )
    archive = made(alice)
    assert (archive.state, archive.parts_done, archive.parts) == ("READY", *[len(registry.personal_data())] * 2)
    assert (archive.ready_at, archive.expires_at) == (NOON, NOON + timedelta(hours=48))
    assert archive_path(archive).stat().st_size == archive.size_bytes
    with ZipFile(archive_path(archive)) as file:
        names, schema = file.namelist(), json.loads(file.read("schema.json"))
        texts = {name: file.read(name).decode() for name in names}
    assert {"README.md", "schema.json", "accounts/facts.json"} <= set(names)
    listed = {name for name in names if name.endswith(".json")} - {"schema.json"}
    assert {one if one.endswith("facts.json") else f"{one}.json" for one in schema["files"]} == listed
    facts = json.loads(texts["accounts/facts.json"])
    assert (facts["email"], facts["profile"]["bio"]) == ("alice@example.org", "I trade plums.")
    assert [one["event"] for one in json.loads(texts["accounts/notifications.json"])] == ["Ema", "=HYPERLINK(1)"]
    rows = list(csv.DictReader(io.StringIO(texts["accounts/notifications.csv"])))
    assert [row["event"] for row in rows] == ["Ema", "'=HYPERLINK(1)"]
    assert json.loads(rows[0]["context"]) == {"name": "Ema"}
    assert schema["files"]["accounts/notifications"]["rows"] == 2
    assert "| `accounts/notifications` | 2 | what you were told |" in texts["README.md"]
    everything = "".join(texts.values())
    for secret in ("his.own", "bob@", "push.example", "5551", "c0de"):
        assert secret not in everything


def test_a_long_list_is_read_in_pieces(alice: User, tmp_path: Path) -> None:
    for number in range(5):
        notify(user=alice, event=f"e{number}", context={})
    told = alice.notifications.order_by("pk").values("event")
    registry.register_personal_data("upper", export=lambda user: {"plums": told}, erase=lambda user: None)
    try:
        write_archive(tmp_path / "a.zip", alice, lambda done, parts, rows: None)
    finally:
        del registry._personal_data["upper"]
    with ZipFile(tmp_path / "a.zip") as file:
        assert json.loads(file.read("upper/plums.json")) == [{"event": f"e{number}"} for number in range(5)]


def test_every_subject_of_every_app_is_documented(alice: User) -> None:
    text = DOCS.read_text()
    for label, kept in registry.personal_data().items():
        missing = [name for name in kept.export(alice) if f"`{name}`" not in text]
        assert missing == [], f"docs/privacy.md does not say what {label} tells"
        assert set(kept.subjects) <= set(kept.export(alice)), label


def test_who_asks_twice_gets_one_and_not_another_within_the_hour(alice: User, wall: Wall) -> None:
    first = request_archive(user=alice)
    assert request_archive(user=alice).pk == first.pk
    assert make_archive(archive_id=first.pk) is True
    assert make_archive(archive_id=first.pk) is False
    with pytest.raises(DomainError, match="ARCHIVE_TOO_SOON"):
        request_archive(user=alice)
    wall.pass_by(hours=1)
    assert request_archive(user=alice).pk != first.pk


class Killed(BaseException):
    """What a test has a worker die of."""


def test_a_dead_worker_is_replaced_and_a_third_death_ends_it(alice: User, wall: Wall) -> None:
    archive = request_archive(user=alice)

    def die(name: str) -> None:
        raise Killed

    for attempt in range(1, 4):
        with failpoints_into(die), pytest.raises(Killed):
            make_archive(archive_id=archive.pk)
        archive.refresh_from_db()
        assert (archive.state, archive.attempts) == ("MAKING", attempt)
        assert make_archive(archive_id=archive.pk) is False
        wall.pass_by(minutes=10)
    sweep_archives()
    archive.refresh_from_db()
    assert archive.state == "FAILED"


def test_what_has_expired_is_deleted(alice: User, wall: Wall) -> None:
    archive = made(alice)
    wall.pass_by(hours=47)
    sweep_archives()
    assert archive_path(archive).exists()
    wall.pass_by(hours=1)
    sweep_archives()
    archive.refresh_from_db()
    assert (archive.state, archive_path(archive).exists()) == ("EXPIRED", False)


def test_it_is_fetched_by_its_person_who_has_just_proved_it(alice: User, bob: User, client: Client, wall: Wall) -> None:
    archive = made(alice)
    address = reverse("accounts:download_archive", args=[archive.pk])
    assert client.get(address).url.startswith("/accounts/login/")  # type: ignore[attr-defined]  # a redirect
    client.force_login(alice)
    with override_settings(ACCOUNT_REAUTHENTICATION_TIMEOUT=0):  # the log-in is long ago
        assert client.get(address).url.startswith("/accounts/reauthenticate/")  # type: ignore[attr-defined]  # a redirect
    assert not AuditEntry.objects.filter(action="archive.downloaded").exists()
    for user, status in ((alice, 200), (bob, 404)):
        client.force_login(user)
        client.post(reverse("account_reauthenticate"), {"password": "correct horse"})
        answer = client.get(address)
        assert answer.status_code == status
        if status == 200:
            # Read to its end, the file is closed.
            assert answer.getvalue().startswith(b"PK")
    assert AuditEntry.objects.filter(action="archive.downloaded").count() == 1


def test_who_leaves_leaves_no_archive(alice: User, django_capture_on_commit_callbacks: object) -> None:
    archive = made(alice)
    path = archive_path(archive)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]  # pytest-django's fixture
        erase_person(user=alice)
    assert not path.exists()
    assert DataArchive.objects.count() == 0


def test_what_a_kill_left_on_the_disk_is_deleted_and_was_nobody_elses(
    alice: User,
    wall: Wall,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    modes: list[int] = []

    def write(target: Path, user: User, on_part: Callable[[int, int, int], None]) -> int:
        modes.append(target.stat().st_mode & 0o777)
        return write_archive(target, user, on_part)

    monkeypatch.setattr(archives, "write_archive", write)
    archive = made(alice)
    assert (modes, archive_path(archive).stat().st_mode & 0o777) == ([0o600], 0o600)
    left, begun = (archive_path(archive).with_suffix(f".{number}.part") for number in (1, 2))
    for path, minutes in ((left, 11), (begun, 1)):
        path.touch()
        moment = (wall.now - timedelta(minutes=minutes)).timestamp()
        os.utime(path, (moment, moment))
    sweep_archives()
    assert (left.exists(), begun.exists()) == (False, True)
    with django_capture_on_commit_callbacks(execute=True):
        erase_person(user=alice)
    assert list(begun.parent.iterdir()) == []
