"""The API of orders and fills as whole files."""

from __future__ import annotations

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from accounts.programs.doors import ApiView
from accounts.programs.scopes import Scope
from common.rendering import KnownFormats
from markets.row_streams import FILE_RENDERERS, exported
from trading.narrowing import FILL_PARAMETERS, ORDER_PARAMETERS, asked_fills, asked_orders
from trading.row_reading import FILL_ROWS, ORDER_ROWS

FORMAT = OpenApiParameter("format", enum=["ndjson", "csv", "arrow"], description="Goes before `Accept`.")
FILES = {(200, one.media_type): OpenApiTypes.BINARY for one in FILE_RENDERERS}


class OrdersExportView(ApiView):
    """One's orders, all of them."""

    scope = Scope.READ
    renderer_classes = FILE_RENDERERS
    content_negotiation_class = KnownFormats

    @extend_schema(
        summary="Download one's orders as a file, newest first",
        description="With the fields of the list, streamed: of any length.",
        parameters=[FORMAT, *ORDER_PARAMETERS],
        responses=FILES,
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        return exported(request, asked_orders(request).queryset(), ORDER_ROWS, "orders")


class FillsExportView(ApiView):
    """One's fills, all of them."""

    scope = Scope.READ
    renderer_classes = FILE_RENDERERS
    content_negotiation_class = KnownFormats

    @extend_schema(
        summary="Download one's fills as a file, newest first",
        description="With the fields of the list, streamed: of any length.",
        parameters=[FORMAT, *FILL_PARAMETERS],
        responses=FILES,
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        return exported(request, asked_fills(request).queryset(), FILL_ROWS, "fills")
