"""The forms in which a lead says what a listing offers."""

from __future__ import annotations

from typing import Any

from django import forms

from accounts.models import User
from common.forms import ExactAmountField
from engine.copy_accounts.profit_share import DEFAULT_RATIO, MAX_RATIO, MIN_RATIO
from marketplace.models import Offer, Source
from marketplace.publishing.content import (
    MAX_DESCRIPTION,
    MAX_DISCLOSURE,
    MAX_SUMMARY,
    MAX_TAG,
    MAX_TAGS,
    MAX_TITLE,
    Content,
)
from marketplace.publishing.services.pictures import MAX_WORDS
from marketplace.publishing.services.submissions import MAX_CHANGES
from marketplace.selectors import publishable_portfolios
from portfolios.models import Portfolio
from strategies.models import StrategyVersion
from strategies.selectors import versions

# The sections of the form, in their order: heading, what it is about, fields.
SECTIONS = (
    ("Words", "What everybody reads.", ("title", "summary", "description", "tags")),
    ("Offer", "What somebody gets.", ("offer", "version", "source")),
    ("Terms", "", ("profit_share", "suggested_minimum")),
    (
        "Disclosures",
        "Shown on the page. Needed wherever real money or a strategy is offered.",
        ("risks", "conflicts", "has_own_money"),
    ),
)


class VersionChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    """The versions of one's own strategies, with what each trades."""

    def label_from_instance(self, version: StrategyVersion) -> str:
        return f"{version} · {version.instrument.symbol} {version.timeframe}"


class ContentForm(forms.Form):
    """What a listing says and offers."""

    title = forms.CharField(max_length=MAX_TITLE, help_text="What followers see first.")
    summary = forms.CharField(max_length=MAX_SUMMARY, required=False, help_text="One line for lists.")
    description = forms.CharField(
        max_length=MAX_DESCRIPTION,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text="What it trades, when it buys and sells, and what can go wrong. Markdown; no HTML, no pictures.",
    )
    tags = forms.CharField(
        max_length=MAX_TAGS * (MAX_TAG + 2),
        required=False,
        help_text=f"Up to {MAX_TAGS}, between commas: trend, low-risk, btc.",
    )
    offer = forms.ChoiceField(
        widget=forms.RadioSelect,
        required=False,
        initial=Offer.PORTFOLIO,
        choices=[
            (Offer.PORTFOLIO, "Follow this portfolio\nWhatever trades in it is copied, your hand and all."),
            (Offer.STRATEGY, "Follow a strategy\nThe portfolio is copied, and a named version runs on it."),
            (
                Offer.DEFINITION,
                "Use a strategy\nOthers run it on portfolios of their own; yours is where it proves itself.",
            ),
        ],
    )
    version = VersionChoice(
        label="Strategy version",
        queryset=StrategyVersion.objects.none(),
        required=False,
        empty_label="None",
        help_text="Of a strategy: tested on its past first. From now on an edit makes the next version.",
    )
    source = forms.ChoiceField(
        label="What it trades by",
        widget=forms.RadioSelect,
        required=False,
        initial=Source.SEALED,
        choices=[
            (Source.SEALED, "Sealed\nWhoever uses it never sees its formula."),
            (Source.VISIBLE, "Visible\nWhoever uses it sees its formula, and goes on knowing it."),
        ],
    )
    profit_share = forms.DecimalField(
        label="Profit share",
        min_value=MIN_RATIO * 100,
        max_value=MAX_RATIO * 100,
        decimal_places=2,
        required=False,
        help_text="Percent of followers' new profit, 0 to 30; of this the platform keeps a tenth. A raise reaches who follows"
        " already after 14 days, a lower share at once. Real money shares from 90 days of record on.",
    )
    suggested_minimum = ExactAmountField(
        label="Suggested minimum",
        required=False,
        help_text="In the settlement currency. Empty: the smallest amount at which a copy makes sense, as it is computed.",
    )
    risks = forms.CharField(
        label="What can go wrong",
        max_length=MAX_DISCLOSURE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    conflicts = forms.CharField(
        label="Conflicts of interest",
        max_length=MAX_DISCLOSURE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What you earn from besides, such as coins you hold or venues that pay you; or that there is nothing.",
    )
    has_own_money = forms.TypedChoiceField(
        label="Is your own money in it?",
        required=False,
        widget=forms.RadioSelect,
        empty_value=None,
        coerce=lambda value: value == "yes",
        choices=[("yes", "Yes"), ("no", "No")],
    )
    changes = forms.CharField(
        label="What changed",
        max_length=MAX_CHANGES,
        required=False,
        help_text="One line for the history on the page.",
    )

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].queryset = versions().filter(strategy__owner=owner)  # type: ignore[attr-defined]

    def sections(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        return [(title, about, [self[name] for name in names]) for title, about, names in SECTIONS]

    def said(self) -> dict[str, Any]:
        """Return what the services take; a share left empty is what it was, or the usual."""
        data = dict(self.cleaned_data)
        percent, version = data.pop("profit_share"), data.pop("version")
        return {
            **data,
            "tags": tuple(data["tags"].split(",")),
            "offer": data["offer"] or Offer.PORTFOLIO,
            "source": data["source"] or Source.SEALED,
            "version_id": version.pk if version else None,
            "profit_share_ratio": None if percent is None else percent / 100,
        }


class PublishForm(ContentForm):
    """Which portfolio to publish, and what to say of it."""

    portfolio = forms.ModelChoiceField(
        queryset=Portfolio.objects.none(), empty_label=None, help_text="Its whole history becomes public."
    )

    def __init__(self, *args: Any, owner: User, **kwargs: Any) -> None:
        super().__init__(*args, owner=owner, **kwargs)
        del self.fields["changes"]
        self.fields["profit_share"].initial = DEFAULT_RATIO * 100
        self.portfolios = publishable_portfolios(owner)
        self.fields["portfolio"].queryset = self.portfolios  # type: ignore[attr-defined]

    def has_choices(self) -> bool:
        return self.portfolios.exists()


def initial_of(content: Content) -> dict[str, Any]:
    """Return what the form shows of what is said already."""
    own = {None: None, True: "yes", False: "no"}[content.has_own_money]
    names = ("title", "summary", "description", "offer", "source", "risks", "conflicts", "suggested_minimum")
    return {
        **{name: getattr(content, name) for name in names},
        "tags": ", ".join(content.tags),
        "version": content.version_id,
        "has_own_money": own,
        "profit_share": f"{(content.profit_share_ratio * 100).normalize():f}",
    }


class PictureForm(forms.Form):
    """A picture to be shown on the page."""

    picture = forms.FileField(
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"}),
        help_text="PNG, JPEG, WebP or GIF, up to 5 MiB. It is drawn anew: places, names and times in the file do not stay.",
    )
    words = forms.CharField(
        label="In words",
        max_length=MAX_WORDS,
        required=False,
        help_text="What it shows, for people who cannot see it.",
    )


class ReasonForm(forms.Form):
    """Why an operator refuses."""

    reason = forms.CharField(max_length=1_000, widget=forms.Textarea(attrs={"rows": 2}))
