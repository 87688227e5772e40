"""What can go wrong with a venue, sorted by what to do about it: ask again, back off, skip, stop, or find out first.

The library's exception classes are known by name, so that nobody needs to import it to handle an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MESSAGE_LENGTH = 300
# Signed requests carry the signature, and sometimes the key, in the address that an error quotes.
_QUERY = re.compile(r"\?\S+")


class GatewayError(Exception):
    """The root: `venue` (its code), a stable `code` such as RATE_LIMITED, and the venue's words, shortened."""

    # Whether the venue itself is to blame, which its circuit breaker counts.
    is_outage = False

    def __init__(self, venue: str, code: str, message: str = "") -> None:
        self.venue, self.code = venue, code
        self.message = _QUERY.sub("?…", message)[:_MESSAGE_LENGTH]
        super().__init__(f"{venue}: {code}: {self.message}")


class Retry(GatewayError):
    """Ask again, after a short wait: the network or the venue stumbled, and nothing was ordered."""

    is_outage = True


class BackOff(GatewayError):
    """Ask nothing of this venue for `retry_after` seconds: a rate limit, maintenance, or an open circuit breaker."""

    def __init__(
        self, venue: str, code: str, message: str = "", *, retry_after: float, is_outage: bool = False
    ) -> None:
        super().__init__(venue, code, message)
        self.retry_after, self.is_outage = retry_after, is_outage


class Skip(GatewayError):
    """This request cannot succeed, others can: go on without it."""


class OrderNotFound(Skip):
    """The venue does not know this order, or it is no longer open."""


class Rejected(Skip):
    """The venue refused an order, definitely: it does not exist there."""


class Unknown(GatewayError):
    """Nobody knows whether the order was taken: ask for it by its client order id before anything else."""

    is_outage = True


class Stop(GatewayError):
    """Nothing will work until a person acts: wrong keys, a closed account, a forbidden place, a wrong setting."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """What an exception means for a request that only reads, and for one that orders."""

    reading: type[GatewayError]
    ordering: type[GatewayError]
    code: str
    wait_seconds: float = 0.0
    is_outage: bool = False


def _rule(reading: type[GatewayError], ordering: type[GatewayError], code: str) -> _Rule:
    return _Rule(reading, ordering, code)


# Each of the library's exceptions by name. The nearest class that stands here rules, so that a new one is not lost.
RULES = {
    "BaseError": _rule(Retry, Unknown, "FAILED"),
    # The venue answered, and the answer is no.
    "ExchangeError": _rule(Skip, Rejected, "REFUSED"),
    "ArgumentsRequired": _rule(Skip, Rejected, "ARGUMENT_MISSING"),
    "BadRequest": _rule(Skip, Rejected, "BAD_REQUEST"),
    "BadSymbol": _rule(Skip, Rejected, "SYMBOL_UNKNOWN"),
    "OperationRejected": _rule(Skip, Rejected, "OPERATION_REJECTED"),
    "NoChange": _rule(Skip, Skip, "NO_CHANGE"),
    "MarginModeAlreadySet": _rule(Skip, Skip, "NO_CHANGE"),
    "MarketClosed": _rule(Skip, Rejected, "MARKET_CLOSED"),
    "InsufficientFunds": _rule(Skip, Rejected, "INSUFFICIENT_FUNDS"),
    "InvalidAddress": _rule(Skip, Rejected, "ADDRESS_NOT_VALID"),
    "AddressPending": _rule(Retry, Rejected, "ADDRESS_PENDING"),
    "InvalidOrder": _rule(Skip, Rejected, "ORDER_NOT_VALID"),
    "OrderNotFound": _rule(OrderNotFound, OrderNotFound, "ORDER_NOT_FOUND"),
    "OrderNotCached": _rule(OrderNotFound, OrderNotFound, "ORDER_NOT_FOUND"),
    "OrderImmediatelyFillable": _rule(Skip, Rejected, "WOULD_FILL_AT_ONCE"),
    "OrderNotFillable": _rule(Skip, Rejected, "NOT_FILLABLE"),
    # Our id is there already: an earlier try, of which no answer came, was taken.
    "DuplicateOrderId": _rule(Skip, Unknown, "DUPLICATE_ORDER_ID"),
    "ContractUnavailable": _rule(Skip, Rejected, "CONTRACT_UNAVAILABLE"),
    "NotSupported": _rule(Skip, Rejected, "NOT_SUPPORTED"),
    # A person has to act.
    "AuthenticationError": _rule(Stop, Stop, "CREDENTIALS_REFUSED"),
    "PermissionDenied": _rule(Stop, Stop, "PERMISSION_DENIED"),
    "AccountNotEnabled": _rule(Stop, Stop, "ACCOUNT_NOT_ENABLED"),
    "AccountSuspended": _rule(Stop, Stop, "ACCOUNT_SUSPENDED"),
    "ManualInteractionNeeded": _rule(Stop, Stop, "MANUAL_INTERACTION_NEEDED"),
    "RestrictedLocation": _rule(Stop, Stop, "LOCATION_RESTRICTED"),
    "InvalidProxySettings": _rule(Stop, Stop, "PROXY_NOT_VALID"),
    # Closed by ourselves, perhaps while the answer was under way.
    "ExchangeClosedByUser": _rule(Stop, Unknown, "CLOSED"),
    # No answer, or none that says what became of the request.
    "OperationFailed": _rule(Retry, Unknown, "FAILED"),
    "NetworkError": _rule(Retry, Unknown, "NETWORK"),
    "ExchangeNotAvailable": _rule(Retry, Unknown, "NOT_AVAILABLE"),
    "RequestTimeout": _rule(Retry, Unknown, "TIMED_OUT"),
    "BadResponse": _rule(Retry, Unknown, "ANSWER_NOT_UNDERSTOOD"),
    "NullResponse": _rule(Retry, Unknown, "ANSWER_NOT_UNDERSTOOD"),
    "CancelPending": _rule(Retry, Unknown, "CANCEL_PENDING"),
    "UnsubscribeError": _rule(Retry, Retry, "UNSUBSCRIBED"),
    # Refused at the door: our clock is wrong, or a book lost its thread. Nothing was ordered.
    "InvalidNonce": _rule(Retry, Retry, "CLOCK_SKEWED"),
    "ChecksumError": _rule(Retry, Retry, "CHECKSUM_WRONG"),
    "DDoSProtection": _Rule(BackOff, BackOff, "RATE_LIMITED", 30.0),
    "RateLimitExceeded": _Rule(BackOff, BackOff, "RATE_LIMITED", 5.0),
    "OnMaintenance": _Rule(BackOff, BackOff, "MAINTENANCE", 30.0, is_outage=True),
}

# Reasons below a library error that tell more than its class: the request never left, or its answer was cut off.
_NEVER_SENT = frozenset({"ClientConnectorError", "ConnectionTimeoutError", "gaierror"})
_CUT_OFF = "ClientError"
# Venues say in words, under a code that they use for much else, that our id is taken: so an earlier try was.
_TAKEN = re.compile("duplicat|already exist", re.IGNORECASE)


def translate(
    error: BaseException, *, venue: str, is_order: bool = False, retry_after: float | None = None
) -> GatewayError:
    """Return what an exception of the library, or of its plumbing, means. What is translated already stays.

    `is_order` says that the request may have changed something at the venue. `retry_after` is the venue's own word, in
    seconds, and comes before ours.
    """
    if isinstance(error, GatewayError):
        return error
    names, cause = _class_names(error), _class_names(error.__cause__)
    words = str(error) or type(error).__name__
    if _NEVER_SENT & (names | cause):
        return Retry(venue, "NOT_REACHED", words)
    if _CUT_OFF in names | cause and "NetworkError" not in names:
        return (Unknown if is_order else Retry)(venue, "NETWORK", words)
    rule = next((RULES[one.__name__] for one in type(error).__mro__ if one.__name__ in RULES), None)
    if rule is None:
        # The library fell over something that it did not expect: a malformed answer, most often.
        return (Unknown if is_order else Retry)(venue, "ANSWER_NOT_UNDERSTOOD", f"{type(error).__name__}: {words}")
    if is_order and issubclass(rule.ordering, Rejected) and _TAKEN.search(words):
        rule = RULES["DuplicateOrderId"]
    kind = rule.ordering if is_order else rule.reading
    if issubclass(kind, BackOff):
        wait = rule.wait_seconds if retry_after is None else retry_after
        return BackOff(venue, rule.code, words, retry_after=wait, is_outage=rule.is_outage)
    if retry_after is not None and kind is Retry:
        return BackOff(venue, rule.code, words, retry_after=retry_after, is_outage=True)
    return kind(venue, rule.code, words)


def _class_names(error: BaseException | None) -> frozenset[str]:
    return frozenset() if error is None else frozenset(one.__name__ for one in type(error).__mro__)
