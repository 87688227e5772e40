"""The shapes of the API of one's data."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.urls import reverse
from rest_framework import serializers

from accounts.privacy.models import ConsentKind, DataArchive, Departure


class DataArchiveSerializer(serializers.ModelSerializer[DataArchive]):
    """An archive of one's data, and how far it is. The file itself is behind a log-in in the browser."""

    download = serializers.SerializerMethodField()

    class Meta:
        model = DataArchive
        fields = ["id", "state", "parts_done", "parts", "rows", "size_bytes", "created_at", "ready_at", "expires_at"]
        fields += ["download"]
        read_only_fields = fields

    def get_download(self, archive: DataArchive) -> str:
        return str(settings.SITE_URL) + reverse("accounts:download_archive", args=[archive.pk])


class ConsentSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ConsentKind.choices)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]  # a field of that name, not a field's label
    version = serializers.CharField(read_only=True, help_text="The version that is asked for now.")
    given_version = serializers.CharField(read_only=True)
    given_at = serializers.DateTimeField(read_only=True, allow_null=True)
    can_revoke = serializers.BooleanField(read_only=True)


class NewConsentSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ConsentKind.choices)


class DepartureSerializer(serializers.ModelSerializer[Departure]):
    """When one's account is closed."""

    class Meta:
        model = Departure
        fields = ["asked_at", "due_at", "keeps_holdings", "obstacle"]
        read_only_fields = fields
