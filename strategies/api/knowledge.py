"""The public API of what strategies are made of: node types, the graph's schema, templates; and a check of any strategy."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiView
from accounts.programs.scopes import Scope
from engine.strategy.encode import to_json
from engine.strategy.evaluate import history, warm_up
from engine.strategy.graph import resolve, symbols_of
from engine.strategy.nodes import NODE_TYPES
from engine.strategy.published import json_schema
from engine.strategy.templates import TEMPLATES
from engine.timeframes import TIMEFRAMES
from strategies.faces import faces_of, graph_of
from strategies.plans import not_yet_live
from strategies.serializers import knowledge as serializers
from strategies.serializers.definitions import FaceSerializer, face_given, faces_shown

_PORT = ("name", "doc", "default", "minimum", "maximum", "integer")


class NodeTypesView(ApiView):
    """The vocabulary."""

    scope = Scope.READ
    permission_classes = [AllowAny]

    @extend_schema(summary="List the kinds of nodes", responses=serializers.NodeTypeSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response([_node_type(name) for name in NODE_TYPES])


class GraphSchemaView(ApiView):
    """The published form of graphs."""

    scope = Scope.READ
    permission_classes = [AllowAny]

    @extend_schema(summary="Read the JSON Schema of graphs", responses={200: dict[str, Any]})
    def get(self, request: Request) -> Response:
        return Response(json_schema())


class TemplatesView(ApiView):
    """The ready strategies."""

    scope = Scope.READ
    permission_classes = [AllowAny]

    @extend_schema(summary="List the ready strategies", responses=serializers.TemplateSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response([_template(name) for name in TEMPLATES])


class CheckView(ApiView):
    """A strategy looked at without being saved."""

    scope = Scope.READ

    @extend_schema(
        summary="Check a strategy and see its other faces",
        description="A refusal's context says where: `place` is line:column of a formula, or a JSON pointer into a graph.",
        parameters=[OpenApiParameter("timeframe", str, enum=list(TIMEFRAMES), default="1m")],
        request=FaceSerializer,
        responses=serializers.CheckedSerializer,
    )
    def post(self, request: Request) -> Response:
        given = FaceSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = request.query_params.get("timeframe", "1m")
        timeframe = asked if asked in TIMEFRAMES else "1m"
        graph = graph_of(face_given(given.validated_data))
        facts = {
            "warm_up": warm_up(graph, timeframe=timeframe),
            "history": history(graph, timeframe=timeframe),
            "symbols": sorted(symbols_of(graph)),
            "not_yet_live": not_yet_live(resolve(graph)),
        }
        return Response({**faces_shown(faces_of(to_json(graph))), **facts})


def _node_type(name: str) -> dict[str, Any]:
    kind = NODE_TYPES[name]
    ports = [
        {**{part: getattr(port, part) for part in _PORT}, "kind": str(port.kind), "choices": list(port.choices)}
        for port in kind.ports
    ]
    facts = {"name": name, "group": kind.group, "output": str(kind.output), "doc": kind.doc, "source": kind.source}
    return {**facts, "ports": ports}


def _template(name: str) -> dict[str, Any]:
    one = TEMPLATES[name]
    fields = [
        {
            "name": field.name,
            "label": field.label,
            "help": field.help,
            "kind": str(field.kind),
            "minimum": str(field.minimum),
            "maximum": str(field.maximum),
            "default": None if field.default is None else str(field.default),
            "unit": field.unit,
        }
        for field in one.fields
    ]
    return {"name": name, "label": one.label, "summary": one.summary, "formula": one.formula, "form": fields}
