"""Which query parameters a route knows: those that its schema declares. What is documented and what is taken are one list."""

from __future__ import annotations

import inspect
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.views import APIView

from common.errors import DomainError

_EVERYWHERE = {"format"}
_OF_READS = {"fields"}
_OF_LISTS = {"cursor", "page_size"}
_known: dict[tuple[type[APIView], str], frozenset[str]] = {}


def check_parameters(view: APIView, method: str, given: set[str]) -> None:
    """Raise DomainError UNKNOWN_PARAMETER for one that the route does not know: a filter that is misspelt must not be dropped."""
    if unknown := given - known_parameters(type(view), method):
        message = "This address does not take all of these parameters: see which it knows."
        facts = {"unknown": sorted(unknown), "known": sorted(known_parameters(type(view), method))}
        raise DomainError("UNKNOWN_PARAMETER", message, facts)


def known_parameters(view_class: type[APIView], method: str) -> frozenset[str]:
    """Return the names that a route takes in its query; looked at once per process."""
    if (view_class, method) not in _known:
        _known[view_class, method] = _known_parameters(view_class, method)
    return _known[view_class, method]


def _known_parameters(view_class: type[APIView], method: str) -> frozenset[str]:
    known = set(_EVERYWHERE)
    view = view_class()
    for one in _declared(view, method):
        if isinstance(one, OpenApiParameter):
            known |= {one.name} if one.location == OpenApiParameter.QUERY else set()
        else:
            known |= set(_fields_of(one))
    if method in {"GET", "HEAD"}:
        known |= _OF_READS | ({"expand"} if getattr(view_class, "expands", None) else set())
        if isinstance(view, GenericAPIView) and view.pagination_class is not None:
            known |= _OF_LISTS
        filters = getattr(view_class, "filterset_class", None)
        known |= set(filters.base_filters) if filters else set()
    return frozenset(known)


def _fields_of(serializer: Any) -> set[str]:
    one = serializer() if inspect.isclass(serializer) else serializer
    return set(one.fields) if isinstance(one, serializers.Serializer) else set()


def _declared(view: APIView, method: str) -> list[Any]:
    """Return the parameters that `extend_schema` was given for a method, or for the whole view."""
    handler = getattr(view, "get" if method == "HEAD" else method.lower(), None)
    of_method = getattr(handler, "kwargs", {}).get("schema")
    schema: Any = of_method() if inspect.isclass(of_method) else view.schema
    view.request, view.kwargs = None, {}  # type: ignore[assignment]  # a schema asks for the version, which is none
    schema.view, schema.method, schema.path = view, method, ""
    return list(schema.get_override_parameters() or [])
