"""Numbers that are none, or that nobody means, in every field that takes one: refused by name, and nothing is done."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.routes.bodies import bodies
from tests.routes.routes import Route, all_routes
from tests.routes.stored import unchanged
from tests.routes.world import Answer, World, send

# What each kind of number gets from the API; "-" where it is a number like any other.
FIELDS = """
route                       method field                 asker     negative                 zero                     absurd               fine
portfolios_api:portfolios   POST   amount                alice     AMOUNT_NOT_POSITIVE      -                        AMOUNT_TOO_LARGE     AMOUNT_TOO_FINE
portfolios_api:deposit      POST   amount                alice     AMOUNT_NOT_POSITIVE      AMOUNT_NOT_POSITIVE      AMOUNT_TOO_LARGE     AMOUNT_TOO_FINE
portfolios_api:withdraw     POST   amount                alice     AMOUNT_NOT_POSITIVE      AMOUNT_NOT_POSITIVE      AMOUNT_TOO_LARGE     AMOUNT_TOO_FINE
portfolios_api:transfer     POST   amount                alice     AMOUNT_NOT_POSITIVE      AMOUNT_NOT_POSITIVE      AMOUNT_TOO_LARGE     AMOUNT_TOO_FINE
portfolios_api:costs        PUT    maker_fee_bps         alice     COST_INVALID             -                        COST_INVALID         COST_INVALID
portfolios_api:costs        PUT    taker_fee_bps         alice     COST_INVALID             -                        COST_INVALID         COST_INVALID
portfolios_api:costs        PUT    slippage_bps          alice     COST_INVALID             -                        COST_INVALID         COST_INVALID
portfolios_api:costs        PUT    latency_ms            alice     COST_INVALID             -                        COST_INVALID         COST_INVALID
portfolios_api:costs        PUT    latency_jitter_ms     alice     COST_INVALID             -                        COST_INVALID         COST_INVALID
trading_api:orders          POST   quantity              alice     QUANTITY_INVALID         QUANTITY_INVALID         QUANTITY_INVALID     QUANTITY_OFF_STEP
trading_api:risk            PUT    limits.max_order_share alice    LIMIT_INVALID            LIMIT_INVALID            LIMIT_INVALID        LIMIT_INVALID
trading_api:copy_settings   PUT    settings.max_order_share bob SETTING_INVALID          SETTING_INVALID          SETTING_INVALID      SETTING_INVALID
trading_api:order           PATCH  quantity              alice     QUANTITY_INVALID         QUANTITY_INVALID         QUANTITY_INVALID     QUANTITY_OFF_STEP
trading_api:order           PATCH  limit_price           alice     LIMIT_PRICE_INVALID      LIMIT_PRICE_INVALID      LIMIT_PRICE_INVALID  LIMIT_PRICE_OFF_TICK
trading_api:pairs           POST   quantity              alice     QUANTITY_INVALID         QUANTITY_INVALID         QUANTITY_INVALID     QUANTITY_OFF_STEP
trading_api:pairs           POST   limit_price           alice     LIMIT_PRICE_INVALID      LIMIT_PRICE_INVALID      PAIR_PRICES_CROSSED  LIMIT_PRICE_OFF_TICK
trading_api:pairs           POST   stop_price            alice     PAIR_PRICES_CROSSED      PAIR_PRICES_CROSSED      TRIGGER_PRICE_INVALID PAIR_PRICES_CROSSED
trading_api:plans           POST   settings.amount       alice     AMOUNT_INVALID           AMOUNT_INVALID           AMOUNT_INVALID       AMOUNT_TOO_FINE
trading_api:plans           POST   settings.interval_seconds alice     INTERVAL_SECONDS_INVALID INTERVAL_SECONDS_INVALID INTERVAL_SECONDS_INVALID INTERVAL_SECONDS_INVALID
trading_api:plans           POST   settings.times        alice     TIMES_INVALID            TIMES_INVALID            TIMES_INVALID        TIMES_INVALID
trading_api:preview_plan    POST   settings.amount       alice     AMOUNT_INVALID           AMOUNT_INVALID           AMOUNT_INVALID       AMOUNT_TOO_FINE
trading_api:preview_plan    POST   settings.interval_seconds alice     INTERVAL_SECONDS_INVALID INTERVAL_SECONDS_INVALID INTERVAL_SECONDS_INVALID INTERVAL_SECONDS_INVALID
trading_api:preview_plan    POST   settings.times        alice     TIMES_INVALID            TIMES_INVALID            TIMES_INVALID        TIMES_INVALID
marketplace_api:follow      POST   amount                charlie   AMOUNT_NOT_POSITIVE      AMOUNT_NOT_POSITIVE      INVALID_INPUT        INVALID_INPUT
marketplace_api:follow      POST   multiplier            charlie   MULTIPLIER_OUT_OF_RANGE  MULTIPLIER_OUT_OF_RANGE  INVALID_INPUT        INVALID_INPUT
strategies_api:strategies   POST   values.fast           alice     PERIOD_OUT_OF_RANGE      PERIOD_OUT_OF_RANGE      PERIOD_OUT_OF_RANGE  PERIOD_OUT_OF_RANGE
strategies_api:strategies   POST   values.slow           alice     PERIOD_OUT_OF_RANGE      PERIOD_OUT_OF_RANGE      PERIOD_OUT_OF_RANGE  PERIOD_OUT_OF_RANGE
strategies_api:strategies   POST   values.share          alice     SHARE_OUT_OF_RANGE       SHARE_OUT_OF_RANGE       SHARE_OUT_OF_RANGE   SHARE_OUT_OF_RANGE
strategies_api:strategies   POST   values.stop_loss      alice     STOP_LOSS_OUT_OF_RANGE   STOP_LOSS_OUT_OF_RANGE   STOP_LOSS_OUT_OF_RANGE STOP_LOSS_OUT_OF_RANGE
strategies_api:strategy     PUT    values.share          alice     SHARE_OUT_OF_RANGE       SHARE_OUT_OF_RANGE       SHARE_OUT_OF_RANGE   SHARE_OUT_OF_RANGE
community_api:competitions  POST   starting_capital      operator  AMOUNT_NOT_POSITIVE      AMOUNT_NOT_POSITIVE      INVALID_INPUT        INVALID_INPUT
accounts_api:invitations    POST   valid_days            operator  INVALID_INPUT            INVALID_INPUT            INVALID_INPUT        INVALID_INPUT
"""  # noqa: E501 - a table
PAGE_FIELDS = """
route                      field             asker
portfolios:open            amount            alice
portfolios:deposit         amount            alice
portfolios:withdraw        amount            alice
portfolios:transfer        amount            alice
portfolios:place           quantity          alice
portfolios:costs           latency_ms        alice
portfolios:costs           maker_fee_bps     alice
portfolios:new_plan        amount            alice
portfolios:new_plan        interval_seconds  alice
portfolios:new_plan        times             alice
portfolios:risk_limits     max_order_share   alice
trading:copy_settings      max_order_share   bob
trading:edit               quantity          alice
trading:edit               limit_price       alice
marketplace:follow         amount            charlie
marketplace:follow         multiplier        charlie
strategies:try             initial_cash      alice
strategies:try             leverage          alice
strategies:sweep_version   fast_from         alice
strategies:sweep_version   fast_step         alice
community:new_competition  starting_capital  operator
"""
NUMBERS = {
    "negative": ["-1", "-0.001"],
    "zero": ["0", "-0", "0.000"],
    "absurd": ["1e30", "1e999999999"],
    "fine": ["0." + "1" * 40, "1e-30", "0.0000000000000000001"],
}
NO_NUMBERS = ["NaN", "sNaN", "Infinity", "-Infinity", "abc", "0x10", "--5", "1 0", "½", "\u0000", "5" * 2_000]
NO_NUMBERS += ["1e5000000000000000000", "𝟝e𝟝e𝟝"]
NO_JSON_NUMBERS: list[Any] = [True, [], {}, [1], {"amount": 1}]
HEAD, *ROWS = (line.split() for line in FIELDS.strip().splitlines())
PAGE_ROWS = [line.split() for line in PAGE_FIELDS.strip().splitlines()[1:]]
ROUTES = {route.name: route for route in all_routes()}


def _with(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy of the body with this value at a dotted path."""
    changed = copy.deepcopy(body)
    *way, field = path.split(".")
    place = changed
    for step in way:
        place = place[step]
    place[field] = value
    return changed


def _code(answer: Answer) -> str:
    """Return a problem document's code, after a look at the document."""
    assert answer["Content-Type"] == "application/problem+json", answer.content
    found = answer.json()
    assert found["status"] == answer.status_code in {400, 409}
    assert found["detail"] and found["request_id"]
    return str(found["code"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[2]}")
def test_the_api_names_what_is_wrong_with_a_number(world: World, row: list[str]) -> None:
    name, method, field, asker, *codes = row
    body = bodies(world)[name, method]
    sent = {kind: [(value, code) for value in NUMBERS[kind]] for kind, code in zip(HEAD[4:], codes, strict=True)}
    tried = [pair for pairs in sent.values() for pair in pairs if pair[1] != "-"]
    # A template's values are its own, as limits and a follow's settings are: they answer for what is no number, too.
    is_own = field.startswith(("values.", "limits.")) or name == "trading_api:copy_settings"
    none = codes[0] if is_own else "INVALID_INPUT"
    tried += [(value, none) for value in [*NO_NUMBERS, *NO_JSON_NUMBERS]]
    with unchanged() as tables:
        wrong = {
            repr(value)[:40]: found
            for value, code in tried
            if (found := _code(_ask(world, ROUTES[name], method, asker, _with(body, field, value)))) != code
        }
    assert wrong == {}
    assert tables == []


def _ask(world: World, route: Route, method: str, asker: str, body: Any) -> Answer:
    return send(world.client(route, asker), method, world.path(route), body, as_json=route.is_api)


@pytest.mark.parametrize("row", PAGE_ROWS, ids=lambda row: f"{row[0]} {row[1]}")
def test_a_page_shows_the_form_again_with_the_error_at_the_field(world: World, row: list[str]) -> None:
    name, field, asker = row
    form = _competition(world) if name == "community:new_competition" else bodies(world)[name, "POST"]
    query = f"?exchange={world.pit.desk.exchange.code}" if name == "community:new_competition" else ""
    tried = [value for values in NUMBERS.values() for value in values] + NO_NUMBERS
    if name in ("portfolios:open", "portfolios:costs"):
        tried = [value for value in tried if value not in NUMBERS["zero"]]
    with unchanged() as tables:
        for value in tried:
            answer = send(world.browser(asker), "POST", world.path(ROUTES[name]) + query, {**form, field: value})
            shown = answer.context["ticket" if name == "portfolios:place" else "form"]
            assert (answer.status_code, list(shown.errors)) == (400, [field]), value
            # The sentence stands at the field, for screen readers, too.
            assert b'aria-invalid="true"' in answer.content, value
    assert tables == []


def test_htmx_gets_the_ticket_with_a_status_that_it_shows(world: World) -> None:
    form = {**bodies(world)["portfolios:place", "POST"], "quantity": "NaN"}
    browser = world.browser("alice")
    browser.defaults["HTTP_HX_REQUEST"] = "true"
    answer = send(browser, "POST", world.path(ROUTES["portfolios:place"]), form)
    assert (answer.status_code, list(answer.context["ticket"].errors)) == (422, ["quantity"])


def _competition(world: World) -> dict[str, Any]:
    return {
        "title": "Second sprint",
        "description": "",
        "settlement": "USDT",
        "starting_capital": "500",
        "starts_at": "2026-03-02 12:00",
        "ends_at": "2026-03-02 14:00",
        "allowed_instruments": [str(world.pit.instrument.pk)],
    }
