"""Where the signer's keys come from: a file, the environment, and beside the database where everything is one process."""

from __future__ import annotations

import logging
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import User
from accounts.sealing import PublicKey, key_bytes, public_key_of, sealing_key
from common.errors import DomainError
from portfolios.models import ExchangeAccount
from tests.fixtures_signer import PRIVATE, PUBLIC, connected, venue_at
from trading.signer.keys import KeyFile, key_service, private_key_refused
from trading.signer.running import credentials_of

OTHER = bytes(range(32, 64))


@pytest.fixture
def key_file(settings: Settings, tmp_path: Path) -> Path:
    """A file that holds the tests' key, named by settings."""
    path = tmp_path / "keys"
    path.write_text(f"{PublicKey(PRIVATE).text}\n")
    settings.SIGNER_KEY_FILE, settings.SIGNER_KEYS = str(path), []
    return path


@pytest.fixture
def embedded(settings: Settings, tmp_path: Path) -> Path:
    """Settings as the embedded default has them, in a fresh folder."""
    settings.SIGNER_PUBLIC_KEY, settings.REDIS_URL, settings.SIGNER_KEYS = "", "", []
    settings.SIGNER_KEY_FILE = str(tmp_path / "signer_keys")
    return tmp_path / "signer_keys"


def rotated(*options: str) -> str:
    said = StringIO()
    call_command("rotate_signer_key", *options, stdout=said)
    return said.getvalue()


def test_keys_of_the_environment_come_newest_first(settings: Settings) -> None:
    settings.SIGNER_KEYS = [PublicKey(OTHER).text, PublicKey(PRIVATE).text]
    assert key_service().public_keys() == (public_key_of(OTHER), PUBLIC)


@pytest.mark.parametrize("keys", [["x"], ["AAAA"], [PublicKey(PRIVATE).text, ""]])
def test_what_is_no_key_is_told(settings: Settings, keys: list[str]) -> None:
    settings.SIGNER_KEYS = keys
    with pytest.raises(DomainError) as refused:
        key_service()
    assert refused.value.code == "SIGNER_KEY_NOT_VALID"


def test_without_any_key_the_signer_does_not_start(settings: Settings) -> None:
    settings.SIGNER_KEYS, settings.SIGNER_KEY_FILE = [], ""
    with pytest.raises(CommandError, match="SLIPSTREAM_SIGNER_KEY_FILE"):
        call_command("run_signer")


def test_the_embedded_default_makes_a_key_and_says_where_it_lies(
    embedded: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        made = key_service().public_keys()
    assert made == (sealing_key(),)
    assert key_service().public_keys() == made
    assert f"lies beside the database ({embedded})" in caplog.text
    assert embedded.stat().st_mode & 0o777 == 0o600


def test_a_file_is_read_again_when_another_process_changed_it(key_file: Path) -> None:
    held = key_service()
    assert held.public_keys() == (PUBLIC,)
    made = KeyFile(key_file).generate()
    assert held.public_keys() == (made, PUBLIC)


@pytest.mark.django_db
def test_a_rotation_seals_everything_anew_and_keeps_both_keys_until_it_is_told_otherwise(
    key_file: Path, settings: Settings, alice: User
) -> None:
    account = connected(alice, venue_at())
    before = credentials_of(account, key_service())
    said = rotated("--generate")
    newest, old = key_service().public_keys()
    assert said == f"Sealed anew: 1.\nSLIPSTREAM_SIGNER_PUBLIC_KEY={newest.text}\n"
    assert old == PUBLIC
    # The web still seals to the old key: both are open.
    late = connected(alice, account.exchange, label="Late")
    assert late.seal_key == PUBLIC.id
    assert credentials_of(late, key_service()) == before
    settings.SIGNER_PUBLIC_KEY = newest.text
    assert rotated("--retire").endswith("Forgotten: 1.\n")
    assert key_service().public_keys() == (newest,)
    for one in ExchangeAccount.objects.all():
        assert (one.seal_key, credentials_of(one, key_service())) == (newest.id, before)


@pytest.mark.django_db
def test_no_key_is_forgotten_while_something_does_not_open(key_file: Path, alice: User) -> None:
    account = connected(alice, venue_at())
    ExchangeAccount.objects.filter(pk=account.pk).update(credentials=b"SLK\x01" + bytes(200))
    rotated_key = KeyFile(key_file).generate()
    with pytest.raises(CommandError, match="1 keys do not open"):
        rotated("--retire")
    assert key_service().public_keys() == (rotated_key, PUBLIC)


def test_a_key_file_half_written_replaces_nothing(key_file: Path) -> None:
    (key_file.parent / "keys.new").write_text("half")
    made = KeyFile(key_file).generate()
    assert [public_key_of(key_bytes(line)) for line in key_file.read_text().split()] == [made, PUBLIC]
    assert (key_file.parent / "keys.pub").read_text() == f"{made.text}\n"


@pytest.mark.parametrize(
    ("redis", "keys", "file", "ids"),
    [
        ("redis://x", ["k"], "", ["trading.E001"]),
        ("redis://x", [], "/k", ["trading.E001"]),
        ("redis://x", [], "", []),
        ("", [], "/k", []),
    ],
)
def test_with_services_no_other_process_may_be_given_the_private_key(
    settings: Settings, redis: str, keys: list[str], file: str, ids: list[str]
) -> None:
    settings.REDIS_URL, settings.SIGNER_KEYS, settings.SIGNER_KEY_FILE = redis, keys, file
    assert [one.id for one in private_key_refused()] == ids
