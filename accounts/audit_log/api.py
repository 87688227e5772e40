"""The API of the audit: one's own acts, an operator everybody's, as pages and as a stream."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.audit_log.exports import audit_answer, entry_facts
from accounts.audit_log.forms import AuditFilter
from accounts.audit_log.selectors import entries_for, narrowed
from accounts.models import AuditEntry
from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import unlimited_asker

FILTERS = [
    OpenApiParameter("scope", enum=["own", "all"], description="`all` is for operators."),
    OpenApiParameter("person", str, description="A handle, or an address."),
    OpenApiParameter("action", str, description="The beginning of an action."),
    OpenApiParameter("object", str, description="A kind of object, or an object's id."),
    OpenApiParameter("text", str, description="Stands anywhere in what changed."),
    OpenApiParameter("since", OpenApiTypes.DATE, description="From this day on (UTC)."),
    OpenApiParameter("until", OpenApiTypes.DATE, description="Until this day, included (UTC)."),
]


class AuditEntrySerializer(serializers.Serializer[AuditEntry]):
    """Who did what to which object, when, from where, and as what."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor = serializers.CharField(allow_null=True, help_text="A handle; null: the platform itself.")
    role = serializers.CharField(help_text="As what they did it; empty where there is no role.")
    workspace = serializers.UUIDField(allow_null=True)
    action = serializers.CharField()
    object_kind = serializers.CharField()
    object_id = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    address = serializers.CharField(allow_null=True)
    request_id = serializers.CharField()

    def to_representation(self, instance: AuditEntry) -> dict[str, Any]:
        return entry_facts(instance)


def _rows(request: Request) -> QuerySet[AuditEntry]:
    scope = request.query_params.get("scope", "own")
    if scope not in {"own", "all"}:
        raise ValidationError({"scope": ["Choose own or all."]})
    form = AuditFilter(request.query_params)
    if not form.is_valid():
        raise ValidationError({name: [str(one) for one in told] for name, told in form.errors.items()})
    return narrowed(entries_for(unlimited_asker(request), everybody=scope == "all"), form.asked())


@extend_schema(summary="List acts, newest first", parameters=FILTERS)
class AuditView(ApiListView[AuditEntry]):
    """The audit."""

    scope = Scope.READ
    serializer_class = AuditEntrySerializer
    queryset = AuditEntry.objects.none()

    def get_queryset(self) -> QuerySet[AuditEntry]:
        return _rows(self.request)


class AuditExportView(ApiView):
    """The audit as a file."""

    scope = Scope.READ

    @extend_schema(
        summary="Stream acts as CSV or NDJSON, newest first",
        parameters=[*FILTERS, OpenApiParameter("form", str, "path", enum=["csv", "ndjson"])],
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR, (200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, form: str) -> StreamingHttpResponse:
        return audit_answer(request._request, _rows(request), form)
