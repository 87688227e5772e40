"""The shapes of the portfolios API. Amounts are decimals as strings, in the settlement currency unless said otherwise."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from markets.serializers import ExactField
from portfolios.models import BookingKind, LedgerAccount, LedgerLine, Portfolio, PortfolioKind, PortfolioState
from portfolios.services.cash import MAX_KEY


class AmountField(serializers.DecimalField):
    """An amount as a program sends it, best as a string; how large and how fine it may be, a service says."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=None, decimal_places=None, **options)


class WorthSerializer(serializers.Serializer[Any]):
    """What a portfolio is worth at the newest prices."""

    equity = ExactField()
    cash = ExactField()
    reserved = ExactField(help_text="Cash promised to orders under way.")
    free = ExactField()
    exposure = ExactField(help_text="What the positions are worth.")
    realized_pnl = ExactField(help_text="Before fees.")
    unrealized_pnl = ExactField()
    fees_paid = ExactField()
    profit = ExactField(help_text="Realized and unrealized, less fees: equity less net deposits.")
    is_stale = serializers.BooleanField(help_text="A price that this rests on is missing or older than a minute.")


class PortfolioSerializer(serializers.ModelSerializer[Portfolio]):
    """A portfolio; what it is worth comes from the context, by portfolio id."""

    kind = serializers.ChoiceField(
        choices=PortfolioKind.choices,
        read_only=True,
        help_text="Whether prices and money are real. Show it wherever you show the portfolio.",
    )
    state = serializers.ChoiceField(choices=PortfolioState.choices, read_only=True)
    slippage_bps = ExactField()
    net_deposits = ExactField(help_text="Deposits and transfers in, less those out.")
    worth = serializers.SerializerMethodField()

    class Meta:
        model = Portfolio
        fields = [
            "id",
            "name",
            "kind",
            "namespace",
            "settlement",
            "state",
            "is_restricted",
            "cash_is_locked",
            "slippage_bps",
            "opened_at",
            "net_deposits",
            "worth",
        ]
        read_only_fields = fields

    @extend_schema_field(WorthSerializer())
    def get_worth(self, portfolio: Portfolio) -> Any:
        return WorthSerializer(self.context["worth"][portfolio.pk]).data


class NewPortfolioSerializer(serializers.Serializer[Any]):
    """What opening a paper portfolio takes."""

    name = serializers.CharField(max_length=80)
    exchange = serializers.CharField(max_length=40, help_text="Its code.")
    settlement = serializers.CharField(max_length=20, help_text="An asset's code.")
    amount = AmountField(help_text="What it starts with; 0 for nothing.")


class AmountSerializer(serializers.Serializer[Any]):
    """Money to move. The same `key` again moves nothing and answers as the first time."""

    amount = AmountField()
    key = serializers.CharField(
        required=False, max_length=MAX_KEY, help_text="The caller's own name for this movement in this portfolio."
    )


class TransferSerializer(AmountSerializer):
    target = serializers.UUIDField(help_text="Another of one's own portfolios.")


class BookingSerializer(serializers.Serializer[Any]):
    booking_id = serializers.UUIDField(help_text="Both portfolios' ledgers name it.")


class EquityPointSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField(help_text="Market time.")
    equity = ExactField()


class LedgerLineSerializer(serializers.ModelSerializer[LedgerLine]):
    """One side of a booking. Balances are the sums of the HOLDINGS lines; the other accounts are the far side."""

    kind = serializers.ChoiceField(choices=BookingKind.choices, read_only=True)
    account = serializers.ChoiceField(choices=LedgerAccount.choices, read_only=True)
    amount = ExactField(help_text="In units of `asset`.")

    class Meta:
        model = LedgerLine
        fields = ["id", "booking_id", "kind", "account", "asset", "amount", "happened_at", "recorded_at"]
        read_only_fields = fields


class HoldingSerializer(serializers.Serializer[Any]):
    """What a portfolio holds, or held, of an instrument; null where there is no price or nothing is held."""

    instrument = serializers.UUIDField(source="position.instrument_id")
    symbol = serializers.CharField(source="position.instrument.symbol")
    quantity = ExactField(source="position.quantity", help_text="Base units.")
    average_price = ExactField(allow_null=True)
    price = ExactField(source="price.price", allow_null=True, default=None)
    value = ExactField()
    unrealized_pnl = ExactField()
    realized_pnl = ExactField(source="position.realized_pnl", help_text="Before fees.")
    fees_paid = ExactField(source="position.fees_paid")
