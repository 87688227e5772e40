"""What a route's body may be made of: the JSON types that its schema names, before any field makes something of it.

A field of Django REST framework takes 5 for "5", "yes" for true and a number for a UUID, as forms need it. A program that
sends the wrong type has made a mistake, and what is made of it may be something else than was meant.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.views import APIView

_declared: dict[tuple[type[APIView], str], Any] = {}
_TEXTS = (
    serializers.CharField,
    serializers.UUIDField,
    serializers.DateTimeField,
    serializers.DateField,
    serializers.TimeField,
    serializers.SlugRelatedField,
)
_NO_BODY, _NO_OBJECT = "There is nothing to send here.", "Send an object."
_WORDS = {
    bool: "Send true or false.",
    int: "Send a whole number.",
    str: "Send text.",
    list: "Send a list.",
    dict: _NO_OBJECT,
}


def check_body(view: APIView, method: str, data: Any) -> None:
    """Raise ValidationError where a body is not of the types that the route's schema names."""
    serializer = _declared_body(view, method)
    if not isinstance(data, Mapping) and not isinstance(serializer, serializers.ListSerializer):
        raise ValidationError({"non_field_errors": [_NO_OBJECT if serializer is not None else _NO_BODY]})
    if serializer is None:
        if data:
            raise ValidationError({name: [_NO_BODY] for name in data})
    elif problems := _problems(serializer, data):
        raise ValidationError(problems)


def _declared_body(view: APIView, method: str) -> Any:
    """Return what `extend_schema` was given as a method's request; looked at once per process."""
    key = (type(view), method)
    if key not in _declared:
        found = _request_of(type(view)(), method)
        _declared[key] = found() if inspect.isclass(found) and issubclass(found, serializers.BaseSerializer) else found
    return _declared[key]


def _request_of(view: APIView, method: str) -> Any:
    of_method = getattr(getattr(view, method.lower()), "kwargs", {}).get("schema")
    schema: Any = of_method() if inspect.isclass(of_method) else view.schema
    view.request, view.kwargs = None, {}  # type: ignore[assignment]  # a schema asks for the version, which is none
    schema.view, schema.method, schema.path = view, method, ""
    return schema.get_request_serializer()


def _problems(field: Any, value: Any) -> Any:
    """Return what is wrong with a value, in the shape in which a serializer would say it; nothing where it is right."""
    if value is None:
        return None  # whether it may be, the field says
    if isinstance(field, serializers.Serializer):
        if not isinstance(value, Mapping):
            return {"non_field_errors": [_NO_OBJECT]}
        found = {
            name: _problems(one, value[name])
            for name, one in field.fields.items()
            if name in value and not one.read_only
        }
        return {name: told for name, told in found.items() if told}
    if isinstance(field, serializers.ListSerializer | serializers.ListField):
        if not isinstance(value, list):
            return [_WORDS[list]]
        told = [_problems(field.child, one) or {} for one in value]
        return told if any(told) else None
    return None if _is_right(field, value) else [_WORDS[_type_of(field)]]


def _type_of(field: Any) -> Any:
    if isinstance(field, serializers.ChoiceField):
        return str if all(isinstance(one, str) for one in field.choices) else object
    if isinstance(field, serializers.BooleanField):
        return bool
    if isinstance(field, serializers.IntegerField):
        return int
    return str if isinstance(field, _TEXTS) else object


def _is_right(field: Any, value: Any) -> bool:
    wanted = _type_of(field)
    if wanted is int:
        # 5.0 is a whole number, too; true is none.
        return not isinstance(value, bool) and (
            isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        )
    return isinstance(value, wanted)
