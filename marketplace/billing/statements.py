"""A lead's statement as a file: every movement of their balance at the processor, with the sum."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from marketplace.billing.currencies import as_amount, written
from marketplace.billing.models import MoneyLine, Seller

# What a payment is made of: its buyer paid price and tax; of the price the platform keeps the fee, the lead gets the share.
PARTS = ("price", "tax", "fee", "share")
# What its reader would ask.
EXPLAINED = (
    "Times are UTC. Amount is what moved the balance; of a charge, price and tax were paid, and of the price the platform"
    " keeps the fee and the lead has the share."
)
COLUMNS = ("date", "kind", "reference", "invoice", "amount", "currency", *PARTS)


def _rows(lines: Sequence[MoneyLine]) -> list[tuple[str, ...]]:
    return [
        (
            f"{one.happened_at:%Y-%m-%d %H:%M}",
            one.get_kind_display(),
            one.booking,
            one.invoice.number if one.invoice is not None else "",
            str(as_amount(one.amount_minor, one.currency)),
            one.currency.upper(),
            *_parts(one),
        )
        for one in lines
    ]


def _parts(line: MoneyLine) -> list[str]:
    minors: list[int | None] = [getattr(line, f"{name}_minor") for name in PARTS]
    return ["" if minor is None else str(as_amount(minor, line.currency)) for minor in minors]


def totals(lines: Sequence[MoneyLine]) -> dict[str, int]:
    """Return the sum of each currency, in minor units."""
    found: dict[str, int] = {}
    for one in lines:
        found[one.currency] = found.get(one.currency, 0) + one.amount_minor
    return found


def statement_csv(lines: Sequence[MoneyLine]) -> bytes:
    """Return a statement as CSV (UTF-8); the last rows are the sums."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerows(_rows(lines))
    for currency, minor in sorted(totals(lines).items()):
        writer.writerow(("", "Sum", "", "", as_amount(minor, currency), currency.upper()))
    return file.getvalue().encode()


def statement_pdf(seller: Seller, lines: Sequence[MoneyLine], span: str) -> bytes:
    """Return a statement as PDF. The core fonts know Latin-1 only: names are left to the account's id."""
    from fpdf import FPDF  # it loads for a quarter of a second

    page = FPDF(orientation="landscape")
    page.set_title("Statement")
    page.add_page()
    page.set_font("Helvetica", size=16)
    page.cell(h=9, text="Statement", new_x="LMARGIN", new_y="NEXT")
    page.set_font("Helvetica", size=9)
    mode = " (test mode)" if seller.mode == "TEST" else ""
    page.cell(h=5, text=f"Account {seller.processor_id}{mode}, {span}", new_x="LMARGIN", new_y="NEXT")
    page.set_text_color(90)
    page.cell(h=5, text=EXPLAINED, new_x="LMARGIN", new_y="NEXT")
    page.set_text_color(0)
    page.ln(3)
    page.set_font("Helvetica", size=8)
    page.set_draw_color(190)
    aligned = ("LEFT", "LEFT", "LEFT", "LEFT", "RIGHT", "LEFT", "RIGHT", "RIGHT", "RIGHT", "RIGHT")
    widths = (28, 18, 62, 34, 22, 16, 22, 22, 22, 22)
    looks: dict[str, Any] = {"text_align": aligned, "borders_layout": "HORIZONTAL_LINES", "line_height": 5}
    with page.table(col_widths=widths, **looks) as table:
        for one in [tuple(name.capitalize() for name in COLUMNS), *_rows(lines)]:
            table.row([text.encode("latin-1", "replace").decode("latin-1") for text in one])
    page.ln(4)
    page.set_font("Helvetica", size=10, style="B")
    for currency, minor in sorted(totals(lines).items()):
        page.cell(h=6, text=f"Sum: {written(minor, currency)}", new_x="LMARGIN", new_y="NEXT")
    return bytes(page.output())
