"""The list of codes that the API explains is the one that the source has, and every code of it has a page."""

from __future__ import annotations

import json

from django.test import Client

from common.problems import known_problems, type_of
from tools.problem_codes import TARGET, gathered


def test_the_list_is_what_the_source_says() -> None:
    """Where this fails, a code came or went: `python -m tools.problem_codes` writes the list anew."""
    assert json.loads(TARGET.read_text()) == gathered()


def test_codes_are_found_with_status_and_sentence() -> None:
    found = gathered()
    assert found["IDEMPOTENCY_KEY_REUSED"]["status"] == 422
    assert found["SCOPE_MISSING"]["sentence"] == "This takes the scope “…”: use a token that has it."
    assert found["NOT_FOUND"]["status"] == 404
    assert len(found) > 250


def test_a_problem_leads_to_its_page(client: Client, db: None) -> None:
    assert set(known_problems()) == set(gathered())
    page = client.get(type_of("SCOPE_MISSING"))
    assert page.status_code == 200
    assert "This takes the scope" in page.content.decode()
    assert client.get(type_of("NO_SUCH_CODE")).status_code == 404
    assert client.get("/api/v1/problems/").content.count(b"<code>") > 250
