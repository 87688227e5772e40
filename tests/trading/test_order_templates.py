"""Order templates: kept, changed and forgotten by their owner alone, refused where no order could come of them, used by the ticket."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.services import erase_person, export_personal_data
from common.errors import DomainError
from tests.fixtures_books import Unchanged
from tests.fixtures_trading import Pit, plain
from tests.trading.test_api_orders import program
from trading.kinds import OrderKind
from trading.models import Order, OrderState
from trading.order_templates import terms_at
from trading.services.order_templates import MAX_TEMPLATES, save_template
from trading.template_models import OrderTemplate

D = Decimal
PATH = "/api/v1/order-templates/"
BRACKET = {
    "name": "Dip",
    "side": "BUY",
    "kind": "LIMIT",
    "amount": "25",
    "unit": "PERCENT",
    "limit_distance": "-0.0105",
    "stop_distance": "-0.05",
    "target_distance": "0.1",
}


def keep(user: User, **change: Any) -> Any:
    return program(user).post(PATH, BRACKET | change, format="json")


@pytest.fixture
def dip(pit: Pit) -> OrderTemplate:
    keep(pit.alice, instrument=str(pit.instrument.pk))
    return OrderTemplate.objects.get()


def test_a_template_is_kept_shown_changed_and_forgotten(pit: Pit) -> None:
    kept = keep(pit.alice)
    assert kept.status_code == 201
    where = f"{PATH}{kept.json()['id']}/"
    shown = program(pit.alice).get(where).json()
    assert {name: shown[name] for name in BRACKET} == BRACKET
    assert (shown["instrument"], shown["trail_bps"], shown["time_in_force"]) == (None, None, "GTC")
    # A change gives all facts anew: the distances are gone with the kind that had them.
    changed = program(pit.alice).put(
        where, {"name": "All in", "side": "BUY", "amount": "100", "unit": "PERCENT"}, format="json"
    )
    assert (changed.json()["kind"], changed.json()["limit_distance"]) == ("MARKET", None)
    assert changed.json()["created_at"] == shown["created_at"]
    [row] = program(pit.alice).get(PATH).json()["results"]
    assert row == changed.json()
    assert program(pit.alice).delete(where).status_code == 204
    assert (OrderTemplate.objects.count(), program(pit.alice).get(where).status_code) == (0, 404)


def test_distances_become_prices_in_whole_ticks(pit: Pit, dip: OrderTemplate) -> None:
    terms = terms_at(dip, D("123.456"), D("0.01"))
    prices = (terms.limit_price, terms.stop_price, terms.target_price)
    assert prices == (D("122.15"), D("117.28"), D("135.80"))
    assert terms_at(dip, D("0.005"), D("0.01")).limit_price == D("0.01")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"name": "  "}, "INVALID_INPUT", "name"),
        ({"amount": "0"}, "AMOUNT_INVALID", "amount"),
        ({"amount": "100.01"}, "AMOUNT_INVALID", "amount"),
        ({"amount": "NaN"}, "INVALID_INPUT", "amount"),
        ({"unit": "LOTS"}, "INVALID_INPUT", "unit"),
        ({"limit_distance": None}, "LIMIT_PRICE_REQUIRED", "limit_distance"),
        ({"limit_distance": "-0.96"}, "DISTANCE_INVALID", "limit_distance"),
        ({"limit_distance": "0.0000001"}, "DISTANCE_INVALID", "limit_distance"),
        ({"trigger_distance": "0.1"}, "TRIGGER_PRICE_NOT_ALLOWED", "trigger_distance"),
        ({"stop_distance": "0.2"}, "BRACKET_PRICES_CROSSED", "stop_distance"),
        (
            {"kind": "MARKET", "limit_distance": None, "stop_distance": "0.01"},
            "BRACKET_PRICES_CROSSED",
            "stop_distance",
        ),
        ({"kind": "TRAILING_STOP", "limit_distance": None}, "TRAIL_REQUIRED", "trail_bps"),
        ({"side": "SELL"}, "BRACKET_NOT_ALLOWED", "stop_distance"),
        ({"reduce_only": True}, "REDUCE_ONLY_NOT_ALLOWED", "reduce_only"),
        ({"time_in_force": "GTD"}, "TIME_IN_FORCE_NOT_ALLOWED", "time_in_force"),
    ],
)
def test_what_could_never_be_an_order_is_refused(
    pit: Pit, unchanged: Unchanged, change: dict[str, Any], code: str, field: str
) -> None:
    with unchanged():
        answer = keep(pit.alice, **change)
    context = answer.json()["context"]
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert context.get("field", next(iter(context.get("fields", ())), None)) == field


def test_a_name_is_its_owners_once(pit: Pit, bob: User, dip: OrderTemplate) -> None:
    again = keep(pit.alice)
    assert (again.status_code, again.json()["code"]) == (409, "NAME_TAKEN")
    assert keep(bob).status_code == 201
    # To keep its name is no second one.
    assert program(pit.alice).put(f"{PATH}{dip.pk}/", BRACKET | {"amount": "5"}, format="json").status_code == 200
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderTemplate.objects.filter(owner=bob).update(owner=pit.alice)


def test_there_is_an_end_to_templates(pit: Pit, dip: OrderTemplate) -> None:
    facts = {"owner": pit.alice, "side": "BUY", "amount": 1, "created_at": dip.created_at, "updated_at": dip.updated_at}
    OrderTemplate.objects.bulk_create(OrderTemplate(name=f"T{n}", **facts) for n in range(MAX_TEMPLATES - 1))
    with pytest.raises(DomainError) as refusal:
        save_template(actor=pit.alice, name="One more", side="BUY", amount=D(1))
    assert (refusal.value.code, OrderTemplate.objects.count()) == ("TOO_MANY_TEMPLATES", MAX_TEMPLATES)


def test_a_template_is_nobody_elses(pit: Pit, bob: User, dip: OrderTemplate, unchanged: Unchanged) -> None:
    where, lead = f"{PATH}{dip.pk}/", bob
    own = pit.portfolio(lead, 100, "Own")
    with unchanged():
        for user, status in ((bob, 404), (None, 401)):
            client = program(user)
            answers = [client.get(where), client.put(where, BRACKET, format="json"), client.delete(where)]
            assert [one.status_code for one in answers] == [status] * 3
        browser = Client()
        browser.force_login(bob)
        page = reverse("portfolios:detail", args=[own.pk])
        assert browser.get(page, {"template": str(dip.pk)}).status_code == 404
    assert program(bob).get(PATH).json()["results"] == []


# --- pages ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def alices(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


FORM = {
    "name": "Dip",
    "side": "BUY",
    "kind": "LIMIT",
    "amount": "25",
    "unit": "PERCENT",
    "limit_distance": "-1",
    "stop_distance": "-5",
}


def test_the_form_keeps_percent_as_ratios_and_shows_them_again(alices: Client, pit: Pit) -> None:
    assert alices.post(reverse("trading:new_template"), FORM).status_code == 302
    kept = OrderTemplate.objects.get()
    assert (kept.limit_distance, kept.stop_distance, kept.instrument) == (D("-0.01"), D("-0.05"), None)
    form = alices.get(reverse("trading:edit_template", args=[kept.pk])).context["form"]
    assert {name: str(form.initial[name]) for name in FORM} == FORM
    trailing = {"name": "Trail", "side": "SELL", "kind": "TRAILING_STOP", "amount": "1", "unit": "BASE"}
    alices.post(reverse("trading:edit_template", args=[kept.pk]), trailing | {"trail_percent": "1.5"})
    kept.refresh_from_db()
    assert (kept.name, kept.trail_bps, kept.limit_distance) == ("Trail", D(150), None)
    alices.post(reverse("trading:delete_template", args=[kept.pk]))
    assert OrderTemplate.objects.count() == 0


def test_a_refusal_stands_at_its_field(alices: Client, pit: Pit, unchanged: Unchanged) -> None:
    with unchanged():
        answer = alices.post(reverse("trading:new_template"), FORM | {"limit_distance": "-99"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (400, ["limit_distance"])


def test_a_template_fills_the_ticket_in_and_what_it_says_can_be_placed(
    alices: Client, pit: Pit, dip: OrderTemplate
) -> None:
    pit.price(200)
    page = alices.get(reverse("portfolios:detail", args=[pit.lead.pk]), {"template": str(dip.pk)})
    initial = page.context["ticket"].initial
    asked = {
        name: initial[name]
        for name in ("side", "kind", "unit", "quantity", "limit_price", "stop_price", "target_price")
    }
    assert asked == {
        "side": "BUY",
        "kind": "LIMIT",
        "unit": "PERCENT",
        "quantity": "25",
        "limit_price": "197.9",
        "stop_price": "190",
        "target_price": "220",
    }
    with pit.working():
        body = asked | {"instrument": str(initial["instrument"].pk), "key": "once"}
        assert alices.post(reverse("portfolios:place", args=[pit.lead.pk]), body).status_code == 302
    order = Order.objects.get()
    assert (order.state, order.kind, plain(order.limit_price or D(0))) == (OrderState.OPEN, OrderKind.LIMIT, "197.9")


def test_templates_are_taken_along_and_forgotten_with_their_owner(pit: Pit, bob: User, dip: OrderTemplate) -> None:
    [taken] = export_personal_data(user=pit.alice)["trading"]["order_templates"]
    assert (taken["name"], taken["limit_distance"]) == ("Dip", D("-0.0105"))
    assert export_personal_data(user=bob)["trading"]["order_templates"] == []
    keep(bob)
    erase_person(user=pit.alice)
    assert [one.owner_id for one in OrderTemplate.objects.all()] == [bob.pk]
