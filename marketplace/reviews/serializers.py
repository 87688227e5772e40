"""The shapes of the API of reviews."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from marketplace.reviews.models import ReportReason, Review
from marketplace.reviews.services import MAX_TEXT

FORMER = "former follower"


class ReviewSerializer(serializers.ModelSerializer[Review]):
    """What somebody who followed says, with what their follow came to by our own books."""

    author = serializers.SerializerMethodField(help_text="Their handle, or “former follower” once they left.")
    result_ratio = serializers.FloatField(
        read_only=True, allow_null=True, help_text="Of what they paid in, net of fees and profit shares, when written."
    )

    class Meta:
        model = Review
        fields = [
            "id",
            "listing",
            "author",
            "stars",
            "text",
            "result_ratio",
            "followed_days",
            "created_at",
            "edited_at",
            "answer",
            "answered_at",
        ]
        read_only_fields = fields

    def get_author(self, review: Review) -> str:
        return FORMER if review.is_former else str(review.author.profile.handle)


class ReviewWordsSerializer(serializers.Serializer[Any]):
    stars = serializers.IntegerField(min_value=1, max_value=5)
    text = serializers.CharField(max_length=MAX_TEXT, allow_blank=True, default="")


class ReviewAnswerSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(max_length=MAX_TEXT, allow_blank=True)


class ReviewReportSerializer(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(choices=ReportReason.choices)
