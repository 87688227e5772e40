"""The shapes of strategies: their versions in three faces, and what writing one takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.timeframes import TIMEFRAMES
from strategies.faces import Face, Faces, faces_of
from strategies.models import Strategy, StrategyVersion
from strategies.services.definitions import MAX_INSTRUMENTS

TIMEFRAME_CHOICES = [(one, one) for one in TIMEFRAMES]
# A longer one is refused by the parser too, but need not be read for it.
MAX_FORMULA = 100_000


class FacesSerializer(serializers.Serializer[Any]):
    """A strategy's three faces: the same thing said as a template with values, as a formula, and as a graph."""

    template = serializers.CharField(help_text="The ready template that makes this strategy; empty where none does.")
    values = serializers.DictField(
        child=serializers.CharField(allow_null=True), help_text="The template's values, decimals as strings."
    )
    formula = serializers.CharField()
    graph = serializers.JSONField(help_text="The canonical graph; its schema is at /strategies/graph-schema/.")


class VersionSerializer(serializers.ModelSerializer[StrategyVersion]):
    symbol = serializers.CharField(source="instrument.symbol", read_only=True)
    instruments = serializers.SerializerMethodField(help_text="All that it trades, in order, the first one included.")
    faces = serializers.SerializerMethodField()

    class Meta:
        model = StrategyVersion
        fields = [
            "id",
            "strategy",
            "number",
            "instrument",
            "symbol",
            "instruments",
            "timeframe",
            "faces",
            "graph_hash",
            "created_at",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ListField(child=serializers.UUIDField()))
    def get_instruments(self, version: StrategyVersion) -> list[UUID]:
        return [version.instrument_id, *(one.instrument_id for one in version.further.all())]

    @extend_schema_field(FacesSerializer)
    def get_faces(self, version: StrategyVersion) -> Any:
        return faces_shown(faces_of(version.graph))


def faces_shown(faces: Faces) -> dict[str, Any]:
    """Return faces as the API gives them: whole numbers and decimals as texts, exact in every JSON."""
    values = {name: None if value is None else str(value) for name, value in faces.values.items()}
    return {"template": faces.template, "values": values, "formula": faces.formula, "graph": faces.graph}


class StrategySerializer(serializers.ModelSerializer[Strategy]):
    """A strategy with its versions, the newest first."""

    versions = VersionSerializer(many=True, read_only=True)
    running = serializers.IntegerField(read_only=True, help_text="How many runs of it are running.")

    class Meta:
        model = Strategy
        fields = ["id", "name", "template", "created_at", "running", "versions"]
        read_only_fields = fields


class FaceSerializer(serializers.Serializer[Any]):
    """A strategy, given once: by `template` (with `values`), by `formula`, or by `graph`."""

    template = serializers.CharField(required=False, max_length=40, help_text="One of /strategies/templates/.")
    values = serializers.DictField(
        required=False, help_text="Values by name; what is left out is as by default. Decimals as strings."
    )
    formula = serializers.CharField(required=False, max_length=MAX_FORMULA, trim_whitespace=False)
    graph = serializers.JSONField(required=False)


def face_given(data: Mapping[str, Any]) -> Face:
    """Return what a validated FaceSerializer holds."""
    return Face(
        template=data.get("template", ""),
        values=data.get("values", {}),
        formula=data.get("formula", ""),
        graph=data.get("graph"),
    )


class StrategyWriteSerializer(FaceSerializer):
    """What saving a strategy takes; an edit of a version that has run makes the next version."""

    name = serializers.CharField(max_length=80)
    instruments = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=MAX_INSTRUMENTS, help_text="The traded one first."
    )
    timeframe = serializers.ChoiceField(choices=TIMEFRAME_CHOICES)
