"""What the API's lists of orders and fills are asked for: parameters, their checks, and the query that they are put into."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Model, QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.fields import DateTimeField, UUIDField
from rest_framework.request import Request

from accounts.requests import asker
from accounts.teams.models import Permission
from common.prepared import Question
from portfolios.access import REACH_FIELDS, reach_of, reachable_by
from portfolios.selectors import portfolio_for_user
from trading.kinds import OrderKind
from trading.models import CauseKind, Fill, Order, OrderState, Side
from trading.selectors import fills, orders

Row = TypeVar("Row", bound=Model)
OF_PORTFOLIO = OpenApiParameter("portfolio", UUID, description="Only those of this portfolio.")
OF_INSTRUMENT = OpenApiParameter("instrument", UUID, description="Only those in this instrument.")
SPAN = [
    OpenApiParameter("since", datetime, description="Only those from this moment of market time on."),
    OpenApiParameter("until", datetime, description="Only those before this moment of market time."),
]
# What lists may be narrowed by: parameter -> its values.
_OF_ORDERS = {
    "state": OrderState.values,
    "side": Side.values,
    "kind": OrderKind.values,
    "cause": CauseKind.values,
}
_OF_FILLS = {"side": Side.values}
ORDER_PARAMETERS = [
    OF_PORTFOLIO,
    *(OpenApiParameter(name, enum=known) for name, known in _OF_ORDERS.items()),
    OF_INSTRUMENT,
    *SPAN,
]
FILL_PARAMETERS = [
    OF_PORTFOLIO,
    OpenApiParameter("order", UUID, description="Only those of this order."),
    OpenApiParameter("side", enum=Side.values),
    OF_INSTRUMENT,
    *SPAN,
]
_ID, _MOMENT = UUIDField(), DateTimeField()
_COLUMNS = {"cause": "cause_kind"}
# Who asks, of which `reachable_by` makes a condition of its own.
_OF_REACH = {*REACH_FIELDS, "reach"}
_FIELDS: dict[str, models.Field[Any, Any]] = {
    **REACH_FIELDS,
    **dict.fromkeys(_OF_ORDERS, models.CharField()),
    **dict.fromkeys(("portfolio", "instrument", "order"), models.UUIDField()),
    **dict.fromkeys(("since", "until"), models.DateTimeField()),
}


def asked_orders(request: Request) -> Question[Order]:
    """Return what is asked for of one's orders; NotFound, ValidationError for what cannot be."""
    return Question(_orders, _values(request, _OF_ORDERS, ("instrument",)), _FIELDS)


def asked_fills(request: Request) -> Question[Fill]:
    """Return what is asked for of one's fills; NotFound, ValidationError for what cannot be."""
    return Question(_fills, _values(request, _OF_FILLS, ("instrument", "order")), _FIELDS)


def one_of(request: Request, name: str, known: list[str]) -> str | None:
    """Return one of the known values that the address names; None where it names none."""
    given = request.query_params.get(name)
    if given is not None and given not in known:
        raise ValidationError({name: [f"Choose one of {', '.join(known)}."]})
    return given


def _values(request: Request, choices: Mapping[str, list[str]], ids: tuple[str, ...]) -> dict[str, Any]:
    """Return who asks and what for: the values of the parameters that there are."""
    values = reach_of(asker(request))
    if (given := request.query_params.get("portfolio")) is not None:
        values["portfolio"] = portfolio_for_user(asker(request), given, Permission.VIEW).pk
    for name, known in choices.items():
        if (chosen := one_of(request, name, known)) is not None:
            values[name] = chosen
    for name, field in (dict.fromkeys(ids, _ID) | {"since": _MOMENT, "until": _MOMENT}).items():
        if (given := request.query_params.get(name)) is None:
            continue
        try:
            values[name] = field.run_validation(given)
        except ValidationError as error:
            raise ValidationError({name: error.detail}) from None
    return values


def _orders(given: Mapping[str, Any]) -> QuerySet[Order]:
    return _narrowed(orders(), given, "created_at")


def _fills(given: Mapping[str, Any]) -> QuerySet[Fill]:
    return _narrowed(fills(), given, "happened_at")


def _narrowed(rows: QuerySet[Row], given: Mapping[str, Any], at: str) -> QuerySet[Row]:
    """Return those of the rows that are meant by the values, or by slots for them; `at` is their market time."""
    rows = rows.filter(reachable_by(given, prefix="portfolio__"))
    lookups = {**_COLUMNS, "since": f"{at}__gte", "until": f"{at}__lt"}
    wanted = {lookups.get(name, name): value for name, value in given.items() if name not in _OF_REACH}
    return rows.filter(**wanted) if wanted else rows
