"""The site's addresses, and two that answer the same list: by hand, and by an ordinary ModelSerializer."""

from __future__ import annotations

import orjson
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.renderers import JSONRenderer

from accounts.programs.checking import program_of
from accounts.requests import asker
from config import urls
from trading.models import Order

FIELDS = [
    "id",
    "portfolio",
    "instrument",
    "symbol",
    "side",
    "leg",
    "state",
    "code",
    "kind",
    "quantity",
    "filled_quantity",
    "average_price",
    "fee",
    "client_order_id",
    "created_at",
]


def by_hand(request: HttpRequest) -> HttpResponse:
    """Answer as somebody would who writes one view for speed: who asks, one query, one dump."""
    user = program_of(request.headers["Authorization"].removeprefix("Bearer ")).user()
    own = [name for name in FIELDS if name != "symbol"]
    found = Order.objects.filter(portfolio__owner=user).order_by("-pk").values(*own, symbol=F("instrument__symbol"))
    return HttpResponse(orjson.dumps({"results": list(found[:50])}, default=str), content_type="application/json")


class ShortOrder(serializers.ModelSerializer[Order]):
    symbol = serializers.CharField(source="instrument.symbol")

    class Meta:
        model = Order
        fields = FIELDS


class FiftyAtOnce(LimitOffsetPagination):
    default_limit = 50

    def get_count(self, queryset: object) -> int:
        return 50


class Serialized(ListAPIView[Order]):
    """Answer as Django REST framework does where nobody minds."""

    serializer_class = ShortOrder
    pagination_class = FiftyAtOnce
    renderer_classes = [JSONRenderer]

    def get_queryset(self) -> QuerySet[Order]:
        found = Order.objects.filter(portfolio__owner=asker(self.request)).order_by("-pk")
        return found.select_related("instrument")


urlpatterns: list[URLPattern | URLResolver] = [
    *urls.urlpatterns,
    path("bench/by-hand/", by_hand),
    path("bench/serialized/", Serialized.as_view()),
]
