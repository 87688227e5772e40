"""The shapes of the proofs API. Hashes, keys and signatures are hex."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from marketplace.proofs.models import DriftDay, PublishedBacktest, Reproduction
from marketplace.proofs.showing import salt_for


class RecordRootSerializer(serializers.Serializer[Any]):
    """A signed root. What is signed is its canonical JSON: these fields without `signature`, with "kind":"root" and "v":1."""

    number = serializers.IntegerField()
    previous = serializers.CharField(help_text="SHA-256 of the former root's canonical JSON; zeros before the first.")
    size = serializers.IntegerField(help_text="How many seals its tree holds.")
    root = serializers.CharField(  # type: ignore[assignment]  # DRF takes fields off the class: none is hidden
        help_text="The head of the tree (RFC 6962)."
    )
    at = serializers.CharField(help_text="UTC with microseconds, as it is signed.")
    key = serializers.CharField(help_text="The first 16 hex digits of the public key's SHA-256.")
    signature = serializers.CharField(help_text="Ed25519, 64 bytes.")


class RecordKeySerializer(serializers.Serializer[Any]):
    """A public key that signed roots."""

    id = serializers.CharField()
    public = serializers.CharField(help_text="Ed25519, 32 bytes.")
    first_used_at = serializers.DateTimeField()


class SealSerializer(serializers.Serializer[Any]):
    """What was said of some fills: that they lead from one link to another."""

    portfolio = serializers.CharField()
    first = serializers.IntegerField()
    last = serializers.IntegerField()
    previous = serializers.CharField()
    link = serializers.CharField()
    at = serializers.CharField()


class InclusionProofSerializer(serializers.Serializer[Any]):
    """That one fill is in a signed root: `leaf` from `fill`, links from `before` over `after` to the seal, `path` to the root."""

    number = serializers.IntegerField()
    fill = serializers.CharField(help_text="Its canonical bytes.")
    leaf = serializers.CharField()
    before = serializers.CharField(help_text="The link of the fill before it.")
    after = serializers.ListField(child=serializers.CharField(), help_text="Leaves of the seal's later fills.")
    seal = SealSerializer()
    place = serializers.IntegerField(help_text="The seal's place in the root's tree, from 0.")
    path = serializers.ListField(child=serializers.CharField())
    root = RecordRootSerializer()
    public_key = serializers.CharField()


class PublishedBacktestSerializer(serializers.ModelSerializer[PublishedBacktest]):
    """The backtest that a listing shows. The manifest is its spec with the strategy's salted hash in the place of the strategy."""

    manifest = serializers.DictField()
    summary = serializers.DictField()
    salt = serializers.SerializerMethodField(
        help_text="What went into spec_hash and strategy_hash; null for whoever may not see the strategy."
    )

    class Meta:
        model = PublishedBacktest
        fields = ["spec_hash", "trades_hash", "manifest", "summary", "salt", "published_at"]

    def get_salt(self, published: PublishedBacktest) -> str | None:
        return salt_for(published, self.context["reader"])


class PublishBacktestSerializer(serializers.Serializer[Any]):
    """Which finished backtest of one's own a listing is to show."""

    backtest = serializers.UUIDField()


class ReproductionSerializer(serializers.ModelSerializer[Reproduction]):
    """A repetition: the same trades where `is_same`."""

    summary = serializers.DictField()
    is_same = serializers.BooleanField(help_text="Whether what came out has the published hash.")

    class Meta:
        model = Reproduction
        fields = [
            *("id", "state", "spec_hash", "expected_hash", "trades_hash", "is_same", "summary"),
            *("error_code", "error_message", "asked_at", "finished_at"),
        ]
        read_only_fields = fields


class DriftDaySerializer(serializers.ModelSerializer[DriftDay]):
    """One day of one run beside the engine's. `code` says why a day could not be compared."""

    class Meta:
        model = DriftDay
        fields = ["run", "day", "wished", "matched", "missed", "extra", "mispriced_bps", "worst_bps", "code"]
