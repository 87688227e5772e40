"""What the charts of a result are drawn from, as JSON; and its trades as files."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from accounts.requests import SignedInRequest
from common.errors import NotFound
from strategies import selectors
from strategies.models import Backtest, JobState
from strategies.presenting.curves import compared_curves, result_curves
from strategies.presenting.exports import trades_csv
from strategies.presenting.price_chart import price_chart
from strategies.views.backtests import MOST_COMPARED


def _done(request: SignedInRequest, backtest_id: UUID | str) -> Backtest:
    found = selectors.backtest_for_user(request.user, backtest_id)
    if found.state != JobState.DONE:
        raise NotFound("result")
    return found


@require_safe
@login_required
def equity(request: SignedInRequest, backtest_id: UUID) -> HttpResponse:
    return JsonResponse(result_curves(_done(request, backtest_id)))


@require_safe
@login_required
def compared_equity(request: SignedInRequest) -> HttpResponse:
    chosen = dict.fromkeys(request.GET.getlist("id")[:MOST_COMPARED])
    return JsonResponse(compared_curves([_done(request, key) for key in chosen]))


@require_safe
@login_required
def prices(request: SignedInRequest, backtest_id: UUID) -> HttpResponse:
    """Candles with entries and exits of ?instrument=0, from ?from= to ?to= (seconds), coarse enough for a screen."""
    given = {name: request.GET.get(name, "") for name in ("from", "to", "instrument")}
    numbers = {
        name: int(text) for name, text in given.items() if text.isascii() and text.isdecimal() and len(text) < 12
    }
    return JsonResponse(
        price_chart(_done(request, backtest_id), numbers.get("instrument", 0), numbers.get("from"), numbers.get("to"))
    )


@require_safe
@login_required
def trades_as_csv(request: SignedInRequest, backtest_id: UUID) -> HttpResponse:
    found = _done(request, backtest_id)
    return _file(trades_csv(found), "text/csv; charset=utf-8", f"trades-{str(found.pk)[:8]}.csv")


@require_safe
@login_required
def trades_as_parquet(request: SignedInRequest, backtest_id: UUID) -> HttpResponse:
    found = _done(request, backtest_id)
    name = f"trades-{str(found.pk)[:8]}.parquet"
    return _file(bytes(found.result.trades), "application/vnd.apache.parquet", name)


def _file(content: str | bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(content, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
