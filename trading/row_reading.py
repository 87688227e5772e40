"""Orders, fills and ledger lines as lists of the API read them: by columns, without their serializers (common/value_rows.py)."""

from __future__ import annotations

from common.value_rows import Rows, ValueRows
from trading.codes import explain
from trading.models import RESTING, CauseKind
from trading.selectors import orders
from trading.serializers import FillSerializer, OrderSerializer


def _reasons(rows: Rows) -> None:
    """Say why orders did not run as asked: only these are read whole, in one more query."""
    unusual = [row["id"] for row in rows if row["code"] or row["cause"] == CauseKind.LIQUIDATION]
    known = orders().in_bulk(unusual) if unusual else {}
    for row in rows:
        order = known.get(row["id"])
        row["reason"] = explain(order.code, order) if order is not None else ""


def _places(rows: Rows) -> None:
    """Say where orders wait, as `Order.waits_at` does."""
    for row in rows:
        waits = row["account"] is not None and row["state"] in RESTING
        row["waits_at"] = ("EXCHANGE" if row["is_at_venue"] else "HERE") if waits else ""


ORDER_ROWS = ValueRows(
    OrderSerializer,
    {
        "reason": ({"code": "code", "cause": "cause_kind"}, _reasons),
        "waits_at": (
            {"account": "portfolio__account", "state": "state", "is_at_venue": "is_at_venue"},
            _places,
        ),
    },
)
FILL_ROWS = ValueRows(FillSerializer)
