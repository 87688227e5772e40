"""The API of one's data: archives, consents, the wish to leave.

A program cannot close an account, nor fetch an archive: for both somebody must have logged in a moment ago.
"""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.privacy import serializers
from accounts.privacy.models import DataArchive
from accounts.privacy.selectors import archive_for_user, archives_of, consents_of, departure_of
from accounts.privacy.services import archives, consents, leaving
from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker, unlimited_asker
from common.errors import NotFound


@extend_schema_view(get=extend_schema(summary="List the archives of one's data"))
class DataArchivesView(ApiListView[DataArchive]):
    """Archives of one's data, newest first."""

    scope = Scope.MANAGE
    serializer_class = serializers.DataArchiveSerializer
    queryset = DataArchive.objects.none()

    def get_queryset(self) -> QuerySet[DataArchive]:
        return archives_of(unlimited_asker(self.request))

    @extend_schema(
        operation_id="data_archives_create",
        summary="Ask for an archive of one's data",
        description="Who has one under way gets that. It is fetched in the browser, after a log-in.",
        request=None,
        responses={202: serializers.DataArchiveSerializer},
    )
    def post(self, request: Request) -> Response:
        made = archives.request_archive(user=unlimited_asker(request))
        return Response(serializers.DataArchiveSerializer(made).data, status=status.HTTP_202_ACCEPTED)


class DataArchiveView(ApiView):
    """One archive."""

    scope = Scope.READ

    @extend_schema(summary="Read how far an archive is", responses=serializers.DataArchiveSerializer)
    def get(self, request: Request, archive_id: UUID) -> Response:
        return Response(serializers.DataArchiveSerializer(archive_for_user(unlimited_asker(request), archive_id)).data)


class ConsentsView(ApiView):
    """What one agreed to."""

    scope = Scope.MANAGE

    @extend_schema(
        operation_id="consents_list", summary="List one's consents", responses=serializers.ConsentSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        return Response(serializers.ConsentSerializer(consents_of(asker(request)), many=True).data)

    @extend_schema(
        summary="Agree to the version in force",
        request=serializers.NewConsentSerializer,
        responses={201: serializers.ConsentSerializer(many=True)},
    )
    def post(self, request: Request) -> Response:
        wanted = serializers.NewConsentSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        consents.give_consent(user=asker(request), kind=wanted.validated_data["kind"])
        held = serializers.ConsentSerializer(consents_of(asker(request)), many=True)
        return Response(held.data, status=status.HTTP_201_CREATED)


class ConsentView(ApiView):
    """One kind of consent."""

    scope = Scope.MANAGE

    @extend_schema(summary="Take a consent back", responses={204: None})
    def delete(self, request: Request, consent: str) -> Response:
        consents.revoke_consent(user=asker(request), kind=consent)
        return Response(status=status.HTTP_204_NO_CONTENT)


class DepartureView(ApiView):
    """One's wish to leave."""

    scope = Scope.MANAGE

    @extend_schema(summary="Read when one's account is closed", responses=serializers.DepartureSerializer)
    def get(self, request: Request) -> Response:
        found = departure_of(unlimited_asker(request))
        if found is None:
            raise NotFound("departure")
        return Response(serializers.DepartureSerializer(found).data)

    @extend_schema(summary="Stay: take the wish to leave back", responses={204: None})
    def delete(self, request: Request) -> Response:
        leaving.stay(user=unlimited_asker(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
