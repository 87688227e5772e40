"""The error tree: every exception of the library has its place, and what is not known to be refused is not called so."""

from __future__ import annotations

from typing import Any

import pytest

from markets.gateway import errors
from markets.gateway.errors import BackOff, OrderNotFound, Rejected, Retry, Skip, Stop, Unknown, translate


def _library_classes() -> dict[str, type[Exception]]:
    from ccxt.base import errors as library

    return {name: getattr(library, name) for name in library.__all__ if isinstance(getattr(library, name), type)}


LIBRARY = _library_classes()


def test_every_exception_of_the_library_has_a_rule_of_its_own() -> None:
    assert set(LIBRARY) == set(errors.RULES)
    assert len(LIBRARY) == 41


@pytest.mark.parametrize("name", sorted(LIBRARY))
def test_each_exception_becomes_one_branch_of_the_tree(name: str) -> None:
    error = LIBRARY[name]("words")
    for is_order in (False, True):
        found = translate(error, venue="here", is_order=is_order)
        assert isinstance(found, Retry | BackOff | Skip | Unknown | Stop)
        assert (found.venue, found.code, found.message) == ("here", errors.RULES[name].code, "words")
    assert not isinstance(translate(error, venue="here"), Unknown | Rejected)


# What leaves the fate of an order open. Whoever takes one from this list answers for orders that are sent twice.
OPEN_FATES = {
    "BaseError", "OperationFailed", "NetworkError", "ExchangeNotAvailable", "RequestTimeout", "BadResponse",
    "NullResponse", "CancelPending", "DuplicateOrderId", "ExchangeClosedByUser",
}  # fmt: skip


def test_no_silence_of_a_venue_counts_as_its_no() -> None:
    unknown = {
        name for name, one in LIBRARY.items() if isinstance(translate(one("x"), venue="v", is_order=True), Unknown)
    }
    assert unknown == OPEN_FATES


@pytest.mark.parametrize(
    ("name", "is_order", "kind"),
    [
        ("RequestTimeout", False, Retry),
        ("RequestTimeout", True, Unknown),
        ("DDoSProtection", True, BackOff),
        ("RateLimitExceeded", False, BackOff),
        ("OnMaintenance", True, BackOff),
        ("InvalidNonce", True, Retry),
        ("BadSymbol", False, Skip),
        ("InsufficientFunds", True, Rejected),
        ("OrderNotFound", True, OrderNotFound),
        ("AuthenticationError", True, Stop),
        ("RestrictedLocation", False, Stop),
    ],
)
def test_what_to_do_about_the_usual_ones(name: str, is_order: bool, kind: type[Exception]) -> None:
    assert type(translate(LIBRARY[name]("x"), venue="v", is_order=is_order)) is kind


@pytest.mark.parametrize(
    "words",
    ['{"code": -2010, "msg": "Duplicate order sent."}', "ClientOrderId is duplicated.", "clOrdId already exists"],
)
@pytest.mark.parametrize("name", ["InvalidOrder", "BadRequest", "ExchangeError"])
def test_an_id_that_is_taken_is_no_rejection_whatever_its_class(name: str, words: str) -> None:
    found = translate(LIBRARY[name](words), venue="v", is_order=True)
    assert (type(found), found.code) == (Unknown, "DUPLICATE_ORDER_ID")
    assert type(translate(LIBRARY[name](words), venue="v")) is Skip


def test_a_class_of_a_later_release_is_judged_by_its_nearest_ancestor() -> None:
    later = type("QueueFull", (LIBRARY["RateLimitExceeded"],), {})
    assert type(translate(later("x"), venue="v", is_order=True)) is BackOff


@pytest.mark.parametrize("error", [KeyError("price"), TypeError("None"), ValueError("no JSON"), IndexError()])
def test_a_library_that_falls_over_an_answer_knows_nothing(error: Exception) -> None:
    assert type(translate(error, venue="v")) is Retry
    found = translate(error, venue="v", is_order=True)
    assert (type(found), found.code) == (Unknown, "ANSWER_NOT_UNDERSTOOD")


def test_the_venue_s_own_wait_comes_before_ours() -> None:
    error = LIBRARY["RateLimitExceeded"]("x")
    usual, told = translate(error, venue="v"), translate(error, venue="v", retry_after=61.0)
    assert isinstance(usual, BackOff)
    assert isinstance(told, BackOff)
    assert (usual.retry_after, told.retry_after) == (5.0, 61.0)
    unavailable = translate(LIBRARY["ExchangeNotAvailable"]("x"), venue="v", retry_after=7.0)
    assert isinstance(unavailable, BackOff)
    assert (unavailable.retry_after, unavailable.is_outage) == (7.0, True)
    # An order's fate stays open all the same.
    assert type(translate(LIBRARY["ExchangeNotAvailable"]("x"), venue="v", retry_after=7.0, is_order=True)) is Unknown


def _because(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_what_never_left_was_not_ordered_and_what_broke_off_may_have_been() -> None:
    import aiohttp

    key: Any = None
    refused = aiohttp.ClientConnectorError(key, OSError(111, "refused"))
    never_left = _because(LIBRARY["ExchangeNotAvailable"]("x"), refused)
    assert translate(never_left, venue="v", is_order=True).code == "NOT_REACHED"
    assert type(translate(never_left, venue="v", is_order=True)) is Retry
    # The library calls this one an ExchangeError, as if the venue had said no.
    broke_off = _because(LIBRARY["ExchangeError"]("x"), aiohttp.ClientPayloadError("half"))
    assert type(translate(broke_off, venue="v", is_order=True)) is Unknown
    assert type(translate(broke_off, venue="v")) is Retry


def test_who_is_to_blame() -> None:
    blamed = {name for name, one in LIBRARY.items() if translate(one("x"), venue="v").is_outage}
    assert {"RequestTimeout", "OnMaintenance", "ExchangeNotAvailable", "BadResponse"} <= blamed
    assert not blamed & {"RateLimitExceeded", "DDoSProtection", "BadSymbol", "AuthenticationError", "OrderNotFound"}


def test_what_is_translated_stays_and_no_signature_is_told() -> None:
    first = translate(
        LIBRARY["NetworkError"]("binance GET https://x/api?symbol=A&signature=00ff went wrong"), venue="v"
    )
    assert translate(first, venue="other") is first
    assert first.message == "binance GET https://x/api?… went wrong"
    assert len(translate(LIBRARY["NetworkError"]("y" * 5_000), venue="v").message) == 300
