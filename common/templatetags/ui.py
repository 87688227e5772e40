"""The templates' vocabulary: `{% load ui %}` gives icons, block components, navigation and ways to write figures.

A block component is `{% name key=value … %}…{% endname %}`. It renders components/<name>.html with the keys, with
`content` and, where `{% actions %}…{% endactions %}` stands inside, with `actions`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from django import template
from django.core.paginator import Page
from django.template.base import FilterExpression, NodeList, Parser, Token, token_kwargs
from django.template.context import Context
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django_vite.core.asset_loader import DjangoViteAssetLoader

from common import display

register = template.Library()

for _written in (display.amount, display.money, display.price, display.percent, display.compact):
    register.filter(_written.__name__, _written)
for _read in (display.signed, display.sign, display.words):
    register.filter(_read.__name__, _read)

# --- block components ----------------------------------------------------------------------------------------------

BLOCKS = ("card", "confirm", "dialog", "empty_state", "form", "page_header", "table")
_ACTIONS = "ui_actions"
# What a component may see of the page around it; everything else is handed over by name.
_SHARED = ("request", "csrf_token", "user")


class BlockNode(template.Node):
    """One use of a block component."""

    def __init__(self, name: str, arguments: dict[str, FilterExpression], nodelist: NodeList) -> None:
        self.template_name = f"components/{name}.html"
        self.arguments = arguments
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        values = {key: context[key] for key in _SHARED if key in context}
        values |= {key: argument.resolve(context) for key, argument in self.arguments.items()}
        # A stack, because components hold components: actions belong to the innermost.
        stack = cast(list[str], context.render_context.setdefault(_ACTIONS, []))
        stack.append("")
        content = self.nodelist.render(context).strip()
        values |= {"content": mark_safe(content), "actions": mark_safe(stack.pop())}  # noqa: S308 - rendered just now
        engine = cast(template.Template, context.template).engine
        return engine.get_template(self.template_name).render(context.new(values))


class ActionsNode(template.Node):
    """What stands in a component's place for buttons."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        stack = context.render_context.get(_ACTIONS)
        if not stack:
            raise template.TemplateSyntaxError(f"'actions' belongs inside one of: {', '.join(BLOCKS)}")
        stack[-1] += self.nodelist.render(context).strip()
        return SafeString("")


def _block(name: str) -> Callable[[Parser, Token], BlockNode]:
    def compile_block(parser: Parser, token: Token) -> BlockNode:
        bits = token.split_contents()[1:]
        arguments = token_kwargs(bits, parser)
        if bits:
            raise template.TemplateSyntaxError(f"'{name}' takes key=value pairs only, not {bits[0]!r}")
        nodelist = parser.parse((f"end{name}",))
        parser.delete_first_token()
        return BlockNode(name, arguments, nodelist)

    return compile_block


for _name in BLOCKS:
    register.tag(_name, _block(_name))


@register.tag("actions")
def compile_actions(parser: Parser, token: Token) -> ActionsNode:
    nodelist = parser.parse(("endactions",))
    parser.delete_first_token()
    return ActionsNode(nodelist)


# --- small pieces --------------------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, size: str = "", label: str = "") -> SafeString:
    """Draw an icon of frontend/icons.json; size "sm", "lg" or "xl"; with a label it speaks, without it is ornament."""
    sprite = DjangoViteAssetLoader.instance().generate_vite_asset_url("src/icons.svg", "default")
    size_class = f" icon-{size}" if size else ""
    voice = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    drawing = '<svg class="icon{}" width="16" height="16" {}><use href="{}#{}"></use></svg>'
    return format_html(drawing, size_class, voice, sprite, name)


@register.inclusion_tag("components/nav_link.html", takes_context=True)
def nav_link(
    context: Context, url_name: str, label: str, icon: str, section: str, kind: str = "nav-link", but: str = ""
) -> dict[str, Any]:
    """A link of the main navigation, marked as current in its section (a URL namespace, or URL names).

    `but` names the pages of the section that have a link of their own.
    """
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    names = set() if match is None else {match.namespace, match.view_name}
    here = not names.isdisjoint(section.split()) and names.isdisjoint(but.split())
    return {"href": reverse(url_name), "label": label, "icon": icon, "current": here, "kind": kind}


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(context: Context, page: Page[Any], back: str = "Newer", on: str = "Older") -> dict[str, Any]:
    """Draw links to the previous and next page that keep the rest of the query; nothing where there is one page only.

    `back` and `on` are their words, for lists that are not in the order of time.
    """
    return {"page": page, "request": context["request"], "back": back, "on": on}


@register.inclusion_tag("components/sparkline.html")
def sparkline(values: Sequence[Decimal | float], label: str = "", size: str = "") -> dict[str, Any]:
    """A small curve without axes, green where it ends above its start; label says in words what it shows."""
    figures = [float(value) for value in values]
    change = figures[-1] - figures[0] if figures else 0.0
    return {"points": _curve(figures), "label": label, "size": size, "sign": display.sign(change)}


def _curve(figures: list[float], width: int = 100, height: int = 32) -> str:
    """Return the points of an SVG polyline that fills width × height, lowest figure at the bottom."""
    if len(figures) < 2:
        return ""
    low = min(figures)
    span = max(figures) - low
    step = width / (len(figures) - 1)
    level = [(figure - low) / span if span else 0.5 for figure in figures]
    return " ".join(f"{index * step:.2f},{(1 - share) * height:.2f}" for index, share in enumerate(level))


# --- filters for words and times -----------------------------------------------------------------------------------

_TONES = {
    # Kinds of portfolio: whether money, prices and venue are real.
    "LIVE": "live",
    "PAPER": "accent",
    "SANDBOX": "warn",
    "SIMULATED": "violet",
    # Orders.
    "SUBMITTING": "accent",
    "PARTIALLY_FILLED": "accent",
    "FILLED": "up",
    "REJECTED": "down",
    "DENIED": "warn",
    "UNKNOWN": "warn",
    "BUY": "up",
    "SELL": "down",
    # Follows, runs, listings, competitions, portfolios.
    "ACTIVE": "up",
    "RUNNING": "up",
    "OPEN": "accent",
    "PUBLISHED": "up",
    "PAUSED": "warn",
    "STOPPING": "warn",
    "FROZEN": "warn",
    "DIVERGED": "warn",
    "REDUCING": "warn",
    "HALTED": "down",
    "FAILED": "down",
    # Exchange accounts.
    "CHECKING": "accent",
    "READY": "up",
    "REFUSED": "down",
}
KINDS = frozenset({"LIVE", "PAPER", "SANDBOX", "SIMULATED"})
_AVATAR_TINTS = 6
_TIME_FORMATS = {
    "": "%-d %b, %H:%M",
    "date": "%-d %b %Y",
    "time": "%H:%M:%S",
    "full": "%-d %b %Y, %H:%M:%S UTC",
}


@register.filter
def tone(state: str) -> str:
    """Return the colour class of a state or kind ("tone-up"), empty for those that deserve none."""
    found = _TONES.get(str(state).upper())
    return f"tone-{found}" if found else ""


@register.filter
def is_kind(value: str) -> bool:
    """Whether this names a kind of portfolio, which is written larger than a state."""
    return str(value).upper() in KINDS


@register.filter
def when(at: datetime | None, form: str = "") -> SafeString:
    """Write a moment as `<time>` in UTC: short, "date", "time" or "full"; pointing at it shows all of it."""
    if at is None:
        return SafeString(display.MISSING)
    moment = at.astimezone(UTC)
    text = moment.strftime(_TIME_FORMATS[form])
    title = moment.strftime(_TIME_FORMATS["full"])
    return format_html('<time class="num" datetime="{}" title="{}">{}</time>', moment.isoformat(), title, text)


@register.filter
def initials(name: str) -> str:
    """Return up to two letters for an avatar: "alice_w" → "AW", "bob@demo.local" → "BO"."""
    name = str(name).partition("@")[0]
    parts = "".join(letter if letter.isalnum() else " " for letter in name).split()
    return (parts[0][0] + parts[1][0] if len(parts) > 1 else "".join(parts)[:2]).upper()


@register.filter
def avatar_tint(name: str) -> int:
    """Return which of the avatar colours this name always gets."""
    return zlib.crc32(str(name).encode()) % _AVATAR_TINTS + 1


@register.filter
def choice_title(label: str) -> str:
    """Return the first line of a choice's label; see `choice_text`."""
    return str(label).partition("\n")[0]


@register.filter
def choice_text(label: str) -> str:
    """Return what follows the first line of a choice's label: "Equity ratio\\nThe same share of equity as the lead"."""
    return str(label).partition("\n")[2]
