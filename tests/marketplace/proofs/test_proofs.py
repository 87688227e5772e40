"""Proofs and downloads: what a stranger gets is enough to check a record without the platform, and nobody gets a hidden one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.test import AsyncRequestFactory, Client
from rest_framework.test import APIClient

from accounts.models import User
from engine.records.checking import proof_holds
from engine.records.statements import key_id
from marketplace.proofs.downloads import record_answer
from marketplace.proofs.models import RecordKey
from marketplace.proofs.selectors import proof_of, public_keys
from marketplace.services.listings import publish_listing, withdraw_listing
from tests.fixtures_verified import Sealed

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "records.md"


def program_of(user: User | None) -> APIClient:
    client = APIClient()
    client.force_authenticate(user)
    return client


def downloaded(sealed: Sealed) -> bytes:
    answer: Any = Client().get(f"/marketplace/{sealed.listing.pk}/record/")
    return b"".join(answer)


def test_the_proof_of_every_fill_holds_and_of_no_other(sealed: Sealed) -> None:
    keys = public_keys()
    for number in range(1, 6):
        proof = proof_of(sealed.listing, number)
        assert proof_holds(proof, keys)
        wrong = bytes(32)
        later = replace(proof.seal, at="2026-03-02T12:00:00.000000Z")
        root = replace(proof.root, signature=bytes(64))
        for other in (
            replace(proof, leaf=wrong),
            replace(proof, before=wrong),
            replace(proof, number=number + 1),
            replace(proof, after=(*proof.after, wrong)),
            replace(proof, seal=later),
            replace(proof, path=(wrong,)),
            replace(proof, place=1),
            replace(proof, root=root),
        ):
            assert not proof_holds(other, keys)
        assert not proof_holds(proof, {})
        assert not proof_holds(proof, {proof.root.statement.key: bytes(32)})


def test_the_api_tells_roots_keys_and_proofs(sealed: Sealed, charlie: User) -> None:
    nobody, client = APIClient(), program_of(charlie)
    roots = nobody.get("/api/v1/record-roots/").json()["results"]
    assert [one["number"] for one in roots] == [2, 1]
    (key,) = nobody.get("/api/v1/record-keys/").json()
    assert key["public"] == RecordKey.objects.get().public
    assert roots[0]["key"] == key["id"] == key_id(bytes.fromhex(key["public"]))
    told = client.get(f"/api/v1/listings/{sealed.listing.pk}/proofs/4/").json()
    assert json.loads(told["fill"])["number"] == 4
    assert (told["seal"]["first"], told["seal"]["last"], len(told["after"]), told["path"]) == (4, 5, 1, [])
    assert told["root"] == roots[0]
    sealed.pit.buy(1)
    codes = [client.get(f"/api/v1/listings/{sealed.listing.pk}/proofs/{n}/") for n in (6, 7, 0, 10**30)]
    assert [(one.status_code, one.json()["code"]) for one in codes] == [
        (409, "NOT_SEALED_YET"),
        *[(404, "NOT_FOUND")] * 3,
    ]


def test_a_withdrawn_record_is_gone_for_strangers(sealed: Sealed, alice: User, charlie: User) -> None:
    withdraw_listing(actor=alice, listing=sealed.listing)
    for name in ("record/", "proofs/1/"):
        path = f"/api/v1/listings/{sealed.listing.pk}/{name}"
        assert [program_of(one).get(path).status_code for one in (charlie, alice)] == [404, 200]
    assert Client().get(f"/marketplace/{sealed.listing.pk}/record/").status_code == 404


def test_a_stranger_checks_a_record_with_the_ten_lines_of_the_document(sealed: Sealed, tmp_path: Path) -> None:
    """docs/records.md: as it stands there, in a process of its own."""
    (script,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    file, (key,) = tmp_path / "record.ndjson", public_keys().values()

    def checked(data: bytes, public: bytes = key) -> str:
        file.write_bytes(data)
        command = [sys.executable, "-c", script, str(file), public.hex()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stderr.strip().rpartition("\n")[2]

    data = downloaded(sealed)
    assert checked(data) == ""
    assert checked(data.replace(b'"price":"103"', b'"price":"104"', 1)) == "AssertionError: a fill was changed"
    assert "InvalidSignature" in checked(
        data, bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    )


def test_a_download_holds_what_is_sealed(sealed: Sealed) -> None:
    sealed.pit.buy(1)
    header, *lines = [json.loads(line) for line in downloaded(sealed).splitlines()]
    assert (header["fills"], header["title"], header["money"]) == (5, "Steady", "PAPER")
    assert [one["seal"]["first"] if "seal" in one else one["number"] for one in lines] == [1, 1, 2, 3, 4, 4, 5]


def test_a_record_without_seals_is_a_header_alone(sealed: Sealed, alice: User) -> None:
    other = publish_listing(owner=alice, portfolio=sealed.pit.portfolio(alice, 100, "Other"), title="New")
    answer: Any = Client().get(f"/marketplace/{other.pk}/record/")
    (line,) = b"".join(answer).splitlines()
    assert json.loads(line)["fills"] == 0


@pytest.mark.django_db(transaction=True)
async def test_a_server_sends_it_piece_by_piece(sealed: Sealed) -> None:
    request = AsyncRequestFactory().get("/")
    assert isinstance(request, ASGIRequest)
    answer = await sync_to_async(record_answer)(request, sealed.listing, None)
    assert answer.is_async
    pieces = [piece async for piece in answer]
    assert len(pieces) == 2
    assert b"".join(pieces).count(b"\n") == 8
