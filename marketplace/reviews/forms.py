"""The forms of reviews."""

from __future__ import annotations

from django import forms

from marketplace.reviews.models import ReportReason
from marketplace.reviews.services import MAX_TEXT

STARS = [(5, "5\nExcellent"), (4, "4\nGood"), (3, "3\nFair"), (2, "2\nPoor"), (1, "1\nBad")]


class ReviewForm(forms.Form):
    """Stars and words."""

    stars = forms.TypedChoiceField(label="Stars", choices=STARS, coerce=int, widget=forms.RadioSelect)
    text = forms.CharField(
        label="What was it like?",
        max_length=MAX_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Everybody reads it, with your name and with what your follow came to.",
    )


class AnswerForm(forms.Form):
    """What the lead says to a review."""

    text = forms.CharField(
        label="Your answer",
        max_length=MAX_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Everybody reads it below the review. Empty, it is taken away.",
    )


class ReportForm(forms.Form):
    reason = forms.ChoiceField(label="What is wrong with it?", choices=ReportReason.choices, widget=forms.RadioSelect)
