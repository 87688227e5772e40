"""The shapes of what strategies are made of: nodes, templates, a checked strategy."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from strategies.serializers.definitions import FacesSerializer


class PortSerializer(serializers.Serializer[Any]):
    """One thing that a node takes, in the order in which a formula gives it."""

    name = serializers.CharField()
    kind = serializers.CharField(help_text="series, condition, number or choice.")
    doc = serializers.CharField()
    default = serializers.JSONField(allow_null=True)
    minimum = serializers.FloatField()
    maximum = serializers.FloatField()
    integer = serializers.BooleanField()
    choices = serializers.ListField(child=serializers.CharField())


class NodeTypeSerializer(serializers.Serializer[Any]):
    """A kind of node; its name is also its function's name in formulas."""

    name = serializers.CharField()
    group = serializers.CharField()
    output = serializers.CharField()
    doc = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # taken off the class
    ports = PortSerializer(many=True)


class TemplateFieldSerializer(serializers.Serializer[Any]):
    """One value of a template. Bounds and default are texts, exact in every JSON."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # taken off the class
    help = serializers.CharField()
    kind = serializers.CharField(help_text="integer, number or ratio.")
    minimum = serializers.CharField()
    maximum = serializers.CharField()
    default = serializers.CharField(allow_null=True, help_text="Null: it may be left out, and then there is none.")
    unit = serializers.CharField()


class TemplateSerializer(serializers.Serializer[Any]):
    """A ready strategy."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # taken off the class
    summary = serializers.CharField()
    formula = serializers.CharField()
    form = TemplateFieldSerializer(many=True, help_text="The values that it takes.")


class CheckedSerializer(FacesSerializer):
    """A strategy that can be, in all faces."""

    warm_up = serializers.IntegerField(help_text="Candles before the first signal may come, at the latest.")
    history = serializers.IntegerField(help_text="Candles that a run looks at for each decision.")
    symbols = serializers.ListField(child=serializers.CharField(), help_text="Other instruments that it reads.")
    not_yet_live = serializers.ListField(
        child=serializers.CharField(), help_text="What of it can be backtested, but not run yet."
    )
