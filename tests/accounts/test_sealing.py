"""Sealed secrets: the format to the byte, and that nothing but the right key in the right context opens one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.sealing import (
    PublicKey,
    SealError,
    context_of,
    key_bytes,
    key_id_of,
    open_sealed,
    public_key_of,
    rewrap,
    seal,
    sealing_key,
)
from common.errors import DomainError
from tests.fixtures_signer import PRIVATE, PUBLIC, signer_keys
from trading.signer.keys import LocalKeys

CONTEXT = context_of("exchange-account", "alice", "1")
SECRET = b'{"api_key":"key","secret":"secret"}'
OTHER = bytes(range(32, 64))
# What the first version made of SECRET, PUBLIC and CONTEXT with the bytes 00 01 02 … as its randomness.
VECTOR = (
    "534c4b01eedd883da0a945158f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285fb5f385b1"
    "423928eeeaadd803a69242acf7ebd71b29f1a97aa47b6a2da549081ff3861de94719de0fe92ab4c7fd9e6fea759ed4ae"
    "dc73e8d8718a93177349e8bbfe6125364bf3055ba2a491f0a09c2f333a7d9b8fa958253668fa3a5fc3c5a83a16ed45"
)


def counted(size: int) -> bytes:
    """Return the same bytes each time, in place of random ones."""
    return bytes(range(size))


def test_the_format_is_what_it_was() -> None:
    assert seal(SECRET, PUBLIC, CONTEXT, random=counted).hex() == VECTOR
    assert open_sealed(bytes.fromhex(VECTOR), signer_keys(), CONTEXT) == SECRET


def test_the_vector_says_whom_it_is_for() -> None:
    assert bytes.fromhex(VECTOR)[:12] == b"SLK\x01" + bytes.fromhex(PUBLIC.id)
    assert key_id_of(bytes.fromhex(VECTOR)) == PUBLIC.id
    assert len(bytes.fromhex(VECTOR)) == 92 + len(SECRET) + 16


@given(st.binary(max_size=600))
def test_what_is_sealed_opens(secret: bytes) -> None:
    assert open_sealed(seal(secret, PUBLIC, CONTEXT), signer_keys(), CONTEXT) == secret


def test_the_same_secret_looks_different_each_time() -> None:
    one, other = seal(SECRET, PUBLIC, CONTEXT), seal(SECRET, PUBLIC, CONTEXT)
    assert one[:12] == other[:12]
    assert one[12:44] != other[12:44]
    assert one[92:] != other[92:]


@pytest.mark.parametrize(
    "context",
    [
        context_of("exchange-account", "bob", "1"),
        context_of("exchange-account", "alice", "2"),
        context_of("other", "alice", "1"),
        context_of("exchange-account", "alic", "e1"),
        b"",
    ],
)
def test_a_secret_opens_in_no_other_context(context: bytes) -> None:
    with pytest.raises(SealError):
        open_sealed(seal(SECRET, PUBLIC, CONTEXT), signer_keys(), context)


def test_no_changed_byte_is_taken() -> None:
    whole = bytes.fromhex(VECTOR)
    for at in range(len(whole)):
        with pytest.raises(SealError):
            open_sealed(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], signer_keys(), CONTEXT)
    for length in (0, 4, 12, 91, 107, len(whole) - 1):
        with pytest.raises(SealError):
            open_sealed(whole[:length], signer_keys(), CONTEXT)


def test_another_private_key_opens_nothing() -> None:
    with pytest.raises(SealError):
        open_sealed(seal(SECRET, PUBLIC, CONTEXT), LocalKeys([OTHER]), CONTEXT)


def test_a_sender_without_a_point_is_refused() -> None:
    whole = bytes.fromhex(VECTOR)
    with pytest.raises(SealError):
        open_sealed(whole[:12] + bytes(32) + whole[44:], signer_keys(), CONTEXT)


def test_a_rewrapped_secret_opens_with_the_new_key_alone() -> None:
    held = LocalKeys([OTHER, PRIVATE])
    fresh = rewrap(seal(SECRET, PUBLIC, CONTEXT), held, public_key_of(OTHER), CONTEXT)
    assert key_id_of(fresh) == public_key_of(OTHER).id
    assert open_sealed(fresh, LocalKeys([OTHER]), CONTEXT) == SECRET
    with pytest.raises(SealError):
        open_sealed(fresh, signer_keys(), CONTEXT)


def test_rewrapping_leaves_the_secret_itself_as_it_is() -> None:
    sealed = seal(SECRET, PUBLIC, CONTEXT)
    assert rewrap(sealed, signer_keys(), PUBLIC, CONTEXT)[92:] == sealed[92:]


def test_the_public_key_comes_from_settings(settings: Settings) -> None:
    settings.SIGNER_PUBLIC_KEY = public_key_of(OTHER).text
    assert sealing_key() == public_key_of(OTHER)


def test_the_embedded_default_reads_it_beside_its_private_half(settings: Settings, tmp_path: Path) -> None:
    settings.SIGNER_PUBLIC_KEY, settings.REDIS_URL = "", ""
    settings.SIGNER_KEY_FILE = str(tmp_path / "keys")
    (tmp_path / "keys.pub").write_text(f"{PUBLIC.text}\n")
    assert sealing_key() == PUBLIC


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "é" * 44, PublicKey(b"short").text])
def test_without_a_key_nothing_is_sealed(settings: Settings, text: str) -> None:
    settings.SIGNER_PUBLIC_KEY, settings.SIGNER_KEY_FILE = text, ""
    with pytest.raises(DomainError) as refused:
        sealing_key()
    assert (refused.value.code, refused.value.status) == ("SIGNER_NOT_SET_UP", 503)


def test_a_key_of_another_length_is_none() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        key_bytes("AAAA")
