"""The shapes of publishing: what a listing says, how a submission stands, what the versions were."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from rest_framework import serializers

from marketplace.models import ListingFacts, ListingPicture, ListingVersion, Offer, ShareRaise, Source
from marketplace.publishing.content import MAX_DESCRIPTION, MAX_DISCLOSURE, MAX_SUMMARY, MAX_TAGS, MAX_TITLE
from marketplace.publishing.models import Outcome, Submission
from marketplace.publishing.selectors import picture_path
from marketplace.publishing.services.submissions import MAX_CHANGES
from markets.serializers import ExactField
from strategies.models import JobState


class ListingChangeSerializer(serializers.Serializer[Any]):
    """What a listing says and offers; what is left out stays."""

    title = serializers.CharField(max_length=MAX_TITLE, required=False)
    summary = serializers.CharField(max_length=MAX_SUMMARY, required=False, allow_blank=True)
    description = serializers.CharField(
        max_length=MAX_DESCRIPTION, required=False, allow_blank=True, help_text="Markdown; HTML in it is shown as text."
    )
    tags = serializers.ListField(child=serializers.CharField(max_length=40), required=False, max_length=MAX_TAGS)
    offer = serializers.ChoiceField(choices=Offer.choices, required=False)
    source = serializers.ChoiceField(choices=Source.choices, required=False)  # type: ignore[assignment]  # a field's name, not the base class's own
    version = serializers.UUIDField(required=False, help_text="Of a strategy of one's own, where one is offered.")
    risks = serializers.CharField(max_length=MAX_DISCLOSURE, required=False, allow_blank=True)
    conflicts = serializers.CharField(max_length=MAX_DISCLOSURE, required=False, allow_blank=True)
    has_own_money = serializers.BooleanField(required=False)
    suggested_minimum = serializers.DecimalField(max_digits=38, decimal_places=18, required=False)
    profit_share_ratio = serializers.DecimalField(
        max_digits=5,
        decimal_places=4,
        required=False,
        help_text="0 to 0.3 of new profit; of this the platform keeps a tenth. A raise reaches who follows already after 14 days, a"
        " lower share at once.",
    )
    changes = serializers.CharField(max_length=MAX_CHANGES, required=False, allow_blank=True)

    def said(self) -> dict[str, Any]:
        """Return what the services take."""
        data = dict(self.validated_data)
        if "version" in data:
            data["version_id"] = data.pop("version")
        if "tags" in data:
            data["tags"] = tuple(data["tags"])
        return data


class PublishSerializer(ListingChangeSerializer):
    """Which of one's portfolios to publish, and what to say of it."""

    portfolio = serializers.UUIDField()
    title = serializers.CharField(max_length=MAX_TITLE)
    is_draft = serializers.BooleanField(default=False, help_text="Keep it for oneself; publish it by sending it again.")


class SubmissionSerializer(serializers.ModelSerializer[Submission]):
    """How the newest submission stands: `state` is its test's, `outcome` what became of it, `findings` what the gate found."""

    state = serializers.ChoiceField(choices=JobState.choices, read_only=True)
    outcome = serializers.ChoiceField(choices=Outcome.choices, read_only=True)
    content = serializers.DictField(read_only=True)
    findings = serializers.DictField(read_only=True)

    class Meta:
        model = Submission
        fields = [
            "id",
            "listing",
            "content",
            "changes",
            "state",
            "outcome",
            "refusal_code",
            "refusal",
            "findings",
            "submitted_at",
            "decided_at",
        ]
        read_only_fields = fields


class ListingVersionSerializer(serializers.ModelSerializer[ListingVersion]):
    """What a listing said when it was published; `effects` is what the update did to who followed or used it."""

    content = serializers.DictField(read_only=True)
    effects = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ListingVersion
        fields = ["number", "content", "changes", "effects", "published_at"]
        read_only_fields = fields


class ListingPictureSerializer(serializers.ModelSerializer[ListingPicture]):
    address = serializers.SerializerMethodField()

    class Meta:
        model = ListingPicture
        fields = ["digest", "address", "width", "height", "words", "is_public"]
        read_only_fields = fields

    def get_address(self, picture: ListingPicture) -> str:
        return picture_path(picture)


class PictureUploadSerializer(serializers.Serializer[Any]):
    picture = serializers.CharField(
        help_text="PNG, JPEG, WebP or GIF in base64. A body has 2.5 MB at most, so the file 1.9 MB; the page takes 5 MiB."
    )
    words = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)

    def data_given(self) -> bytes:
        """Return the file's bytes; what is not base64 is no picture either."""
        try:
            return b64decode(self.validated_data["picture"], validate=True)
        except ValueError:
            return b""


class ShareRaiseSerializer(serializers.ModelSerializer[ShareRaise]):
    class Meta:
        model = ShareRaise
        fields = ["before", "after", "announced_at", "effective_at"]
        read_only_fields = fields


class ListingFactsSerializer(serializers.ModelSerializer[ListingFacts]):
    """What is computed of a listing, and never claimed. Times are market time."""

    instruments = serializers.SlugRelatedField(many=True, read_only=True, slug_field="symbol")  # type: ignore[var-annotated]
    smallest_capital = ExactField(allow_null=True, help_text="At which a copy skips at most 5 %.")
    risk_figures = serializers.DictField(read_only=True)

    class Meta:
        model = ListingFacts
        fields = [
            "instruments",
            "first_fill_at",
            "record_days",
            "closed_trades",
            "is_proven",
            "signals_wished",
            "signals_executed",
            "risk_class",
            "risk_figures",
            "smallest_capital",
            "refreshed_at",
        ]
        read_only_fields = fields


class ListingPageSerializer(serializers.Serializer[Any]):
    """All that a listing's page shows of publishing."""

    id = serializers.UUIDField(read_only=True)
    description_html = serializers.CharField(read_only=True, help_text="The description, made harmless for any page.")
    facts = ListingFactsSerializer(read_only=True, allow_null=True)
    pictures = ListingPictureSerializer(many=True, read_only=True)
    versions = ListingVersionSerializer(many=True, read_only=True)
    raise_to_come = ShareRaiseSerializer(read_only=True, allow_null=True)


class DecisionSerializer(serializers.Serializer[Any]):
    """An operator's decision; a refusal has a reason that the owner reads."""

    is_approved = serializers.BooleanField()
    reason = serializers.CharField(max_length=1_000, required=False, default="", allow_blank=True)


class TakenSerializer(serializers.Serializer[Any]):
    """The right that was taken: name the version where a run or a backtest asks for one."""

    grant = serializers.UUIDField(source="pk")
    version = serializers.UUIDField(source="version_id")
    until = serializers.DateTimeField(allow_null=True)
