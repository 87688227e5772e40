"""The API of signals: the door through which they come, and one's sources."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers as fields
from rest_framework import status
from rest_framework.exceptions import Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker, client_address
from accounts.teams.models import Permission
from common.errors import DomainError
from common.limiter import limiter
from markets.serializers import ExactField
from portfolios.selectors import portfolio_for_user
from trading.signals.models import Signal, SignalSource
from trading.signals.proof import SIGNATURE, TIMESTAMP, proven, secret_of
from trading.signals.selectors import source_for_user, sources_of_user
from trading.signals.services import MAX_NAME, create_source, hear, renew_secret, switch_source

# So many signals a source may send, and so often an address may be wrong about a secret before it is told to wait. Whoever
# knows the secret is let through all the same: charting sites send everybody's alerts from a few addresses.
PER_SECOND, BURST = 0.5, 10
WRONG_PER_SECOND, WRONG_BURST = 0.2, 10


class SignalSerializer(fields.ModelSerializer[Signal]):
    """What became of a signal: its order as it was stored. Its fill follows within moments."""

    action = fields.CharField()
    quantity = ExactField(allow_null=True)
    equity_share = ExactField(allow_null=True)
    state = fields.CharField(source="order.state")
    code = fields.CharField(source="order.code")

    class Meta:
        model = Signal
        fields = ["id", "key", "action", "instrument", "quantity", "equity_share", "order", "state", "code", "heard_at"]
        read_only_fields = fields


class WantedSignalSerializer(fields.Serializer[Any]):
    """A signal as it is sent. Signed by headers, or with the secret in the body."""

    action = fields.ChoiceField(choices=["buy", "sell", "close"])
    instrument = fields.CharField(help_text="Its symbol, as in BTC-USDT.")
    quantity = fields.CharField(required=False, help_text="Base units.")
    equity_share = fields.CharField(required=False, help_text="Instead: a share of the portfolio's equity, 0 to 1.")
    id = fields.CharField(required=False, help_text="Your name for it: the same one again makes no second order.")
    time = fields.CharField(required=False, help_text="When it was made; required where the secret is in the body.")
    secret = fields.CharField(required=False, help_text="For senders that cannot sign.")


class SourceSerializer(fields.ModelSerializer[SignalSource]):
    """An address that makes orders in a portfolio."""

    class Meta:
        model = SignalSource
        fields = ["id", "portfolio", "name", "is_on", "created_at", "last_heard_at"]
        read_only_fields = fields


class NewSourceSerializer(fields.Serializer[Any]):
    portfolio = fields.UUIDField()
    name = fields.CharField(max_length=MAX_NAME)


class SwitchSerializer(fields.Serializer[Any]):
    is_on = fields.BooleanField()


class SecretSerializer(SourceSerializer):
    """A source with its secret, which is shown this once."""

    secret = fields.SerializerMethodField()

    class Meta(SourceSerializer.Meta):
        fields = [*SourceSerializer.Meta.fields, "secret"]
        read_only_fields = fields

    def get_secret(self, source: SignalSource) -> str:
        return secret_of(source)


class SignalView(ApiView):
    """Where signals come in. It asks for no login: the secret is the proof."""

    scope = Scope.TRADE
    # A source has a limit of its own, and charting sites send everybody's alerts from a few addresses.
    is_limited = False
    judges_types = False
    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        summary="Send a signal",
        description=f"Signed: `{TIMESTAMP}` is the time in seconds, `{SIGNATURE}` the HMAC-SHA256 (hex) of that time, a dot and"
        " the body by the secret. A sender that cannot sign puts `secret` and `time` into the body. A signal counts for a"
        " minute; the same one again answers as the first did.",
        request=WantedSignalSerializer,
        responses={200: SignalSerializer, 201: SignalSerializer},
        auth=[],
    )
    def post(self, request: Request, source_id: UUID) -> Response:
        source = SignalSource.objects.filter(pk=source_id).select_related("portfolio").first()
        try:
            heard = proven(source, request.headers, request.body)
        except DomainError as refusal:
            if refusal.code == "SIGNAL_REFUSED":
                _count_wrong(client_address(request._request))
            raise
        assert source is not None, "what is proven has a source"
        if wait := limiter().take(f"signals:{source.pk}", per_second=PER_SECOND, burst=BURST):
            raise Throttled(wait, "Too many signals: this source may send one every two seconds.")
        known = Signal.objects.filter(source=source, key=heard.key).exists()
        signal = hear(source=source, heard=heard)
        return Response(SignalSerializer(signal).data, status=status.HTTP_200_OK if known else status.HTTP_201_CREATED)


def _count_wrong(address: str | None) -> None:
    if wait := limiter().take(f"signals:wrong:{address}", per_second=WRONG_PER_SECOND, burst=WRONG_BURST):
        raise Throttled(wait, "Too many signals with a wrong secret from here: wait a little.") from None


class SourcesView(ApiView):
    """One's sources of signals."""

    scope = Scope.MANAGE

    @extend_schema(summary="List one's signal sources", responses=SourceSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(SourceSerializer(sources_of_user(asker(request)), many=True).data)

    @extend_schema(summary="Make a signal source", request=NewSourceSerializer, responses={201: SecretSerializer})
    def post(self, request: Request) -> Response:
        wanted = NewSourceSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        portfolio = portfolio_for_user(asker(request), wanted.validated_data["portfolio"], Permission.MANAGE_KEYS)
        source = create_source(actor=asker(request), portfolio=portfolio, name=wanted.validated_data["name"])
        return Response(SecretSerializer(source).data, status=status.HTTP_201_CREATED)


class SourceView(ApiView):
    """One source."""

    scope = Scope.MANAGE

    @extend_schema(summary="Switch a signal source on or off", request=SwitchSerializer, responses=SourceSerializer)
    def patch(self, request: Request, source_id: UUID) -> Response:
        source = source_for_user(asker(request), source_id)
        wanted = SwitchSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        switched = switch_source(actor=asker(request), source=source, on=wanted.validated_data["is_on"])
        return Response(SourceSerializer(switched).data)


class SecretView(ApiView):
    """A source's secret."""

    scope = Scope.MANAGE

    @extend_schema(summary="Make a signal source's secret anew", request=None, responses=SecretSerializer)
    def post(self, request: Request, source_id: UUID) -> Response:
        source = source_for_user(asker(request), source_id)
        return Response(SecretSerializer(renew_secret(actor=asker(request), source=source)).data)
