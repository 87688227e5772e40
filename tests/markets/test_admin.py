"""The operators' view of markets: everything to look at, instruments to retire and relist, nothing to change by hand."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from markets.models import Instrument
from tests.fixtures_desk import Desk


@pytest.fixture
def admin_site(client: Client, operator: User) -> Client:
    operator.is_superuser = True
    operator.save()
    client.force_login(operator)
    return client


@pytest.mark.parametrize("model", ["exchange", "asset", "market", "instrument"])
def test_every_list_and_object_can_be_looked_at_but_not_changed(admin_site: Client, desk: Desk, model: str) -> None:
    bitcoin = desk.instrument()
    key = {"exchange": desk.exchange.pk, "asset": "BTC", "market": bitcoin.market.pk, "instrument": bitcoin.pk}[model]
    listed = admin_site.get(reverse(f"admin:markets_{model}_changelist"))
    shown = admin_site.get(reverse(f"admin:markets_{model}_change", args=[key]))
    assert (listed.status_code, shown.status_code) == (200, 200)
    assert "BTC" in listed.content.decode() or model == "exchange"
    assert admin_site.post(reverse(f"admin:markets_{model}_change", args=[key]), {"symbol": "X"}).status_code == 403
    assert admin_site.get(reverse(f"admin:markets_{model}_add")).status_code == 403
    assert admin_site.post(reverse(f"admin:markets_{model}_delete", args=[key])).status_code == 403
    assert Instrument.objects.get().symbol == "BTC-USDT"


def test_amounts_read_as_on_the_pages_and_once(admin_site: Client, desk: Desk) -> None:
    bitcoin = desk.instrument()
    for name, args in (("changelist", []), ("change", [bitcoin.pk])):
        page = admin_site.get(reverse(f"admin:markets_instrument_{name}", args=args)).content.decode()
        assert "0.00100" not in page
        assert page.count(">0.001<") == 1


def test_an_operator_retires_and_relists_under_audit(admin_site: Client, operator: User, desk: Desk) -> None:
    bitcoin, ether = desk.instrument("BTC"), desk.instrument("ETH")
    for action, state in (("retire", "RETIRED"), ("relist", "ACTIVE")):
        chosen = {"action": action, "_selected_action": [str(bitcoin.pk)]}
        assert admin_site.post(reverse("admin:markets_instrument_changelist"), chosen).status_code == 302
        assert dict(Instrument.objects.values_list("pk", "state")) == {bitcoin.pk: state, ether.pk: "ACTIVE"}
    acts = AuditEntry.objects.filter(object_id=str(bitcoin.pk)).order_by("id")
    assert [(act.action, act.actor) for act in acts] == [
        ("instrument.retired", operator),
        ("instrument.relisted", operator),
    ]


def test_who_is_no_operator_sees_none_of_it(client: Client, alice: User, desk: Desk) -> None:
    bitcoin = desk.instrument()
    client.force_login(alice)
    chosen = {"action": "retire", "_selected_action": [str(bitcoin.pk)]}
    client.post(reverse("admin:markets_instrument_changelist"), chosen)
    assert client.get(reverse("admin:markets_instrument_changelist")).status_code in {302, 403, 404}
    assert Instrument.objects.get().state == "ACTIVE"
