"""Which query parameters a route knows: those that its schema declares. What is documented and what is taken are one list."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from django.http import QueryDict
from django_filters import CharFilter
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.views import APIView

from common.errors import DomainError

_EVERYWHERE = {"format"}
_OF_READS = {"fields"}
_OF_LISTS = {"cursor", "page_size"}
# What a serializer or a filter reads takes an empty text for nothing said.
_SOMETHING = "something"


def _said(value: str) -> str:
    if not value:
        raise ValueError("nothing is said")
    return value


# How what is no text is read, and what is said where it cannot be. (An id that is none is as an id that nothing has: 404.)
_READ: dict[Any, Callable[[str], Any]] = {
    bool: lambda value: ("true", "false", "1", "0").index(value.lower()),
    int: int,
    OpenApiTypes.DATE: date.fromisoformat,
    _SOMETHING: _said,
}
_WORDS = {
    bool: "Either true or false.",
    int: "A whole number.",
    OpenApiTypes.DATE: "A day: 2026-03-01.",
    _SOMETHING: "Leave it out, or say something.",
}
_typed: dict[tuple[type[APIView], str], Mapping[str, tuple[Any, tuple[Any, ...]]]] = {}
_known: dict[tuple[type[APIView], str], frozenset[str]] = {}


def check_parameters(view: APIView, method: str, given: QueryDict) -> None:
    """Raise DomainError UNKNOWN_PARAMETER for one that the route does not know, ValidationError for what it cannot be.

    A filter that is misspelt must not be dropped, and neither one whose value is: either would show everything.
    """
    if unknown := given.keys() - known_parameters(type(view), method):
        message = "This address does not take all of these parameters: see which it knows."
        facts = {"unknown": sorted(unknown), "known": sorted(known_parameters(type(view), method))}
        raise DomainError("UNKNOWN_PARAMETER", message, facts)
    wrong = {}
    for name, (kind, choices) in _typed_parameters(type(view), method).items():
        if any(not _is_one(kind, choices, value) for value in given.getlist(name)):
            wrong[name] = [f"One of {', '.join(map(str, choices))}." if choices else _WORDS[kind]]
    if wrong:
        raise ValidationError(wrong)


def _is_one(kind: Any, choices: tuple[Any, ...], value: str) -> bool:
    if choices:
        return value in map(str, choices)
    try:
        _READ[kind](value)
    except ValueError:
        return False
    return True


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


def _typed_parameters(view_class: type[APIView], method: str) -> Mapping[str, tuple[Any, tuple[Any, ...]]]:
    """Return the type and choices of the parameters that cannot be just any text; looked at once per process."""
    if (view_class, method) not in _typed:
        filters = getattr(getattr(view_class, "filterset_class", None), "base_filters", {})
        found: dict[str, tuple[Any, tuple[Any, ...]]] = {
            name: (_SOMETHING, ()) for name, one in filters.items() if not isinstance(one, CharFilter)
        }
        for one in _declared(view_class(), method):
            if not isinstance(one, OpenApiParameter):
                fields = _fields_of(one).items()
                found |= {name: (_SOMETHING, ()) for name, field in fields if not getattr(field, "allow_blank", False)}
            elif one.location == OpenApiParameter.QUERY and (one.enum or one.type in _READ):
                found[one.name] = (one.type, tuple(one.enum or ()))
        _typed[view_class, method] = found
    return _typed[view_class, method]


def _fields_of(serializer: Any) -> dict[str, Any]:
    one = serializer() if inspect.isclass(serializer) else serializer
    return dict(one.fields) if isinstance(one, serializers.Serializer) else {}


def _declared(view: APIView, method: str) -> list[Any]:
    """Return the parameters that `extend_schema` was given for a method, or for the whole view."""
    handler = getattr(view, "get" if method == "HEAD" else method.lower(), None)
    of_method = getattr(handler, "kwargs", {}).get("schema")
    schema: Any = of_method() if inspect.isclass(of_method) else view.schema
    view.request, view.kwargs = None, {}  # type: ignore[assignment]  # a schema asks for the version, which is none
    schema.view, schema.method, schema.path = view, method, ""
    return list(schema.get_override_parameters() or [])
