"""The templates' vocabulary: what each tag, filter and component renders."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.template import TemplateSyntaxError, engines
from django.test import RequestFactory

from common.templatetags import ui

ICONS = settings.BASE_DIR / "frontend" / "icons.json"
TEMPLATES = settings.BASE_DIR / "templates"


def render(source: str, request: Any = None, **context: Any) -> str:
    text = engines["django"].from_string("{% load ui %}" + source).render(context, request)
    return re.sub(r">\s+<", "><", re.sub(r"\s+", " ", text)).strip()


class TicketForm(forms.Form):
    quantity = forms.DecimalField(help_text="At least 0.01.")
    secret = forms.CharField(widget=forms.PasswordInput, required=False)
    mode = forms.ChoiceField(widget=forms.RadioSelect, choices=[("a", "Ratio\nThe same share."), ("b", "Fixed")])
    agree = forms.BooleanField(label="I understand")
    place = forms.CharField(widget=forms.HiddenInput, initial="here")

    def clean(self) -> dict[str, Any]:
        raise forms.ValidationError("The market is <closed>.")


def test_icon_points_into_the_built_sprite() -> None:
    drawing = '<svg class="icon icon-sm" width="16" height="16" aria-hidden="true"><use href="/static/(.+)#bell"></use>'
    found = re.fullmatch(f"{drawing}</svg>", render('{% icon "bell" size="sm" %}'))
    assert found
    assert '<symbol id="bell"' in (settings.FRONTEND_DIST / found[1]).read_text()


def test_an_icon_with_a_label_speaks() -> None:
    assert 'role="img" aria-label="Unread &lt;3&gt;"' in render('{% icon "bell" label=label %}', label="Unread <3>")


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    drawn = set(json.loads(ICONS.read_text())) | {path.stem for path in Path(ICONS.parent, "src/icons").iterdir()}
    named = {
        name
        for template in settings.BASE_DIR.glob("**/templates/**/*.html")
        for name in re.findall(r"""(?:{% icon |\bicon(?:_end)?=)["']([a-z0-9-]+)["']""", template.read_text())
        if ".venv" not in template.parts
    }
    assert {"bell", "menu"} <= named
    assert named - drawn == set()


def test_a_card_holds_content_and_its_own_actions() -> None:
    html = render(
        '{% card title="Outer" %}{% actions %}<i>outer</i>{% endactions %}'
        "{% card title=inner %}{% actions %}<i>inner</i>{% endactions %}{{ text }}{% endcard %}{% endcard %}",
        inner="In & out",
        text="<b>",
    )
    heads = re.findall(r"<h2>(.*?)</h2></div><div class=\"btn-group\">(.*?)</div>", html)
    assert heads == [("Outer", "<i>outer</i>"), ("In &amp; out", "<i>inner</i>")]
    assert '<div class="card-body">&lt;b&gt;</div>' in html


def test_a_component_sees_only_what_it_is_given() -> None:
    assert "stray" not in render("{% card %}x{% endcard %}", title="stray", footer="stray")


def test_actions_outside_a_component_are_refused() -> None:
    with pytest.raises(TemplateSyntaxError, match="'actions' belongs inside one of: card, confirm, dialog"):
        render("{% actions %}x{% endactions %}")


def test_a_component_takes_named_values_only() -> None:
    with pytest.raises(TemplateSyntaxError, match="'card' takes key=value pairs only, not '\"Title\"'"):
        render('{% card "Title" %}{% endcard %}')


def test_a_form_renders_all_its_fields_with_label_help_and_error() -> None:
    request = RequestFactory().get("/")
    form = TicketForm({"quantity": "x", "place": "here"})
    html = render('{% form form=form submit="Send" cancel_href="/back/" %}{% endform %}', request, form=form)
    assert 'name="csrfmiddlewaretoken"' in html
    assert "The market is &lt;closed&gt;." in html
    assert '<label class="field-label" for="id_quantity"> Quantity </label>' in html
    assert 'aria-describedby="id_quantity_helptext id_quantity_error"' in html
    assert '<ul class="errorlist" id="id_quantity_error"><li>Enter a number.</li></ul>' in html
    assert '<div class="field-help" id="id_quantity_helptext">At least 0.01.</div>' in html
    assert 'Secret <span class="field-optional">optional</span>' in html
    assert 'data-reveal aria-pressed="false" aria-label="Show password"' in html
    assert '<span class="choice-title">Ratio</span><span class="choice-text">The same share.</span>' in html
    assert '<label for="id_agree">I understand</label>' in html
    assert '<input type="hidden" name="place" value="here" id="id_place">' in html
    assert '<button type="submit" class="btn btn-primary">Send</button>' in html
    assert 'href="/back/">Cancel</a>' in html
    assert [html.count(f'name="{name}"') for name in form.fields] == [1, 1, 2, 1, 1]


def test_a_get_form_carries_no_token() -> None:
    request = RequestFactory().get("/")
    assert "csrf" not in render('{% form method="get" %}<input name="q">{% endform %}', request)


def test_a_confirmation_posts_with_a_token() -> None:
    request = RequestFactory().get("/")
    html = render(
        '{% confirm id="stop" title="Stop?" action="/stop/" label="Stop" danger=True %}Now.{% endconfirm %}', request
    )
    assert '<dialog id="stop" class="dialog" aria-labelledby="stop-title"><form method="post" action="/stop/">' in html
    assert 'name="csrfmiddlewaretoken"' in html
    assert '<button type="submit" class="btn btn-danger">Stop</button>' in html


@pytest.mark.parametrize(
    ("value", "html"),
    [
        ("SIMULATED", '<span class="badge tone-violet badge-kind">SIMULATED</span>'),
        ("live", '<span class="badge tone-live badge-kind">LIVE</span>'),
        ("PARTIALLY_FILLED", '<span class="badge tone-accent badge-dot">Partially filled</span>'),
        ("CANCELED", '<span class="badge badge-dot">Canceled</span>'),
    ],
)
def test_badge(value: str, html: str) -> None:
    assert render('{% include "components/badge.html" with value=value dot=True only %}', value=value) == html


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("SIMULATED", "Made-up market, no real money"),
        ("PAPER", "Real prices, no real money"),
        ("SANDBOX", "Exchange test network, no real money"),
        ("LIVE", "Real money"),
    ],
)
def test_the_ribbon_says_whether_money_is_real(kind: str, words: str) -> None:
    html = render('{% include "components/ribbon.html" with kind=kind only %}', kind=kind)
    assert f"<strong>{kind}</strong><span>{words}</span>" in html
    assert ("ribbon-simulated" in html) is (kind == "SIMULATED")


def test_pagination_keeps_the_query() -> None:
    request = RequestFactory().get("/orders/?state=FILLED&page=2")
    html = render("{% pagination page %}", request, page=Paginator(range(45), 20).page(2))
    assert '<span class="num">21–40 of 45</span>' in html
    assert 'rel="prev" href="?state=FILLED&amp;page=1"' in html
    assert 'rel="next" href="?state=FILLED&amp;page=3"' in html


def test_a_single_page_has_no_pagination() -> None:
    assert render("{% pagination page %}", RequestFactory().get("/"), page=Paginator(range(3), 20).page(1)) == ""


def test_a_sparkline_spans_its_box_and_knows_its_direction() -> None:
    html = render('{% sparkline values label="Equity" %}', values=[10, 30, 20])
    assert '<polyline points="0.00,32.00 50.00,0.00 100.00,16.00"></polyline>' in html
    assert 'data-sign="pos"' in html
    assert 'data-sign="neg"' in render("{% sparkline values %}", values=[2, 1])
    assert 'points="0.00,16.00 100.00,16.00"' in render("{% sparkline values %}", values=[5, 5])
    assert render("{% sparkline values %}", values=[5]) == ""


def test_when_writes_utc_whatever_the_zone() -> None:
    at = datetime(2026, 3, 2, 14, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    assert ui.when(at) == (
        '<time class="num" datetime="2026-03-02T12:04:05+00:00" title="2 Mar 2026, 12:04:05 UTC">2 Mar, 12:04</time>'
    )
    assert ui.when(at, "date").endswith(">2 Mar 2026</time>")
    assert ui.when(at, "time").endswith(">12:04:05</time>")
    assert ui.when(at.astimezone(UTC), "full").endswith(">2 Mar 2026, 12:04:05 UTC</time>")
    assert ui.when(None) == "–"


@pytest.mark.parametrize(
    ("name", "letters"), [("alice_w", "AW"), ("bob@demo.local", "BO"), ("c", "C"), ("Dora Ann May", "DA"), ("", "")]
)
def test_initials(name: str, letters: str) -> None:
    assert ui.initials(name) == letters


def test_an_avatar_keeps_its_colour() -> None:
    assert [ui.avatar_tint(name) for name in ("alice", "bob", "charlie")] == [6, 3, 1]


@pytest.mark.parametrize(("source", "text"), [("0.1842|percent|signed", "+18.42%"), ("value|money|signed", "−1.50")])
def test_filters_chain(source: str, text: str) -> None:
    assert render("{{ " + source + " }}", value=-1.5) == text
