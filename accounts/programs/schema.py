"""What the OpenAPI schema says of every route by its view: scope, headers, what can be expanded, whether it is to go."""

from __future__ import annotations

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from accounts.programs.doors import ApiView
from accounts.programs.scopes import needed_scope

_HEADER: Literal["header"] = "header"
_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    _HEADER,
    description="Your own name for this request, 1 to 255 characters. Sent again within a day, it is answered as the first time"
    " and nothing more is done.",
)
_IF_NONE_MATCH = OpenApiParameter("If-None-Match", str, _HEADER, description="An ETag: 304 where nothing changed.")
_IF_MATCH = OpenApiParameter("If-Match", str, _HEADER, description="An ETag of GET: 412 where it changed since.")
_FIELDS = OpenApiParameter("fields", str, description="Only these fields, separated by commas.")


class ApiSchema(AutoSchema):
    """The DEFAULT_SCHEMA_CLASS."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None and isinstance(self.view, ApiView):
            operation["x-required-scope"] = needed_scope(self.view, self.method).value
            if self.view.deprecation is not None:
                operation["deprecated"] = True
                operation["x-sunset"] = self.view.deprecation.sunset.isoformat()
        return operation

    def get_operation_id(self) -> str:
        """Return a name that is one in every language; an address may have a dot (`trades.csv`)."""
        name: str = super().get_operation_id()
        return name.replace(".", "_")

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> Any:
        """Say of decimals what is true: they are taken as numbers, too, and one that counts is told as one."""
        found: dict[str, Any] = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]  # theirs
        if isinstance(field, serializers.DecimalField) and "string" in str(found.get("type")):
            kinds = found["type"] if isinstance(found["type"], list) else [found["type"]]
            if direction == "request":
                found["type"] = [*kinds, "number"]
            elif getattr(field, "is_whole", False):
                found["type"] = ["integer" if one == "string" else one for one in kinds]
                del found["format"]
        return found

    def _get_parameters(self) -> list[dict[str, Any]]:
        own: list[dict[str, Any]] = super()._get_parameters()
        if not isinstance(self.view, ApiView):
            return own
        known = {(one["name"], one["in"]) for one in own}
        shared = [self._parameter(one) for one in self._shared() if (one.name, one.location) not in known]
        return own + shared

    def _shared(self) -> list[OpenApiParameter]:
        view = self.view
        assert isinstance(view, ApiView), "others have no shared parameters"
        if self.method == "POST":
            return [_KEY] if view.authentication_classes else []
        if self.method != "GET":
            return [_IF_MATCH] if hasattr(view, "get") else []
        expansions = ", ".join(view.expands)
        text = f"Put these in the place of their ids, separated by commas: {expansions}."
        return [_IF_NONE_MATCH, _FIELDS, *([OpenApiParameter("expand", str, description=text)] if expansions else [])]

    def _parameter(self, one: OpenApiParameter) -> dict[str, Any]:
        where = one.location
        return {"in": where, "name": one.name, "schema": {"type": "string"}, "description": one.description}
