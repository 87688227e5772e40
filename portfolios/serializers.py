"""The shapes of the portfolios API. Amounts are decimals as strings, in the settlement currency unless said otherwise."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from markets.serializers import ExactField
from portfolios.costs import CostModel, in_words, label_of
from portfolios.margin_models import FundingPayment, MarginMode
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
    reserved = ExactField(help_text="Cash promised to orders under way, or set aside as margin.")
    free = ExactField()
    exposure = ExactField(help_text="What the positions are worth, shorts too.")
    realized_pnl = ExactField(help_text="Before fees.")
    unrealized_pnl = ExactField()
    fees_paid = ExactField()
    funding_paid = ExactField(help_text="At funding times, less what was received.")
    profit = ExactField(help_text="Realized and unrealized, less fees and funding: equity less net deposits.")
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
    costs = serializers.SerializerMethodField(help_text="What trading on paper costs, in words; empty on an account.")
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
            "account",
            "is_live_trading_on",
            "slippage_bps",
            "costs",
            "opened_at",
            "net_deposits",
            "worth",
        ]
        read_only_fields = fields

    def get_costs(self, portfolio: Portfolio) -> str:
        return label_of(portfolio)

    @extend_schema_field(WorthSerializer())
    def get_worth(self, portfolio: Portfolio) -> Any:
        return WorthSerializer(self.context["worth"][portfolio.pk]).data


class NewPortfolioSerializer(serializers.Serializer[Any]):
    """What opening a portfolio takes: the code of an exchange for a paper one, or an exchange account of one's own."""

    name = serializers.CharField(max_length=80)
    exchange = serializers.CharField(max_length=40, required=False, help_text="Its code.")
    account = serializers.UUIDField(required=False, help_text="An exchange account whose key was found good.")
    settlement = serializers.CharField(max_length=20, help_text="An asset's code.")
    amount = AmountField(help_text="What it starts with; 0 for nothing.")

    def validate(self, attrs: Any) -> Any:
        if ("exchange" in attrs) == ("account" in attrs):
            raise serializers.ValidationError({"exchange": ["Name either an exchange or an account."]})
        return attrs


class CostsSerializer(serializers.Serializer[Any]):
    """What trading on paper costs, and how late it is, in basis points and milliseconds of market time."""

    maker_fee_bps = AmountField(allow_null=True, help_text="Null: what the market's venue takes. At most 500.")
    taker_fee_bps = AmountField(allow_null=True, help_text="Null: what the market's venue takes. At most 500.")
    slippage_bps = AmountField(help_text="Of takers, where the venue's order book is not known. At most 1,000.")
    latency_ms = AmountField(help_text="An order meets the first price this long after it was sent. At most 60,000.")
    latency_jitter_ms = AmountField(help_text="Up to this much more; it follows from the order. At most 60,000.")
    in_words = serializers.CharField(read_only=True, help_text="The same in words.")

    def to_representation(self, model: CostModel) -> dict[str, Any]:
        return {**model.figures(), "in_words": in_words(model)}


class LiveTradingSerializer(serializers.Serializer[Any]):
    """Whether a live portfolio may open positions."""

    is_on = serializers.BooleanField()


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
    """One side of a booking. Balances are the sums of the HOLDINGS, HELD and MARGIN lines; the other accounts are the far side."""

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
    side = serializers.CharField(help_text="LONG or SHORT, of a position on margin; empty for spot.")
    margin_mode = serializers.ChoiceField(
        source="position.margin_mode", choices=[*MarginMode.values, ""], help_text="Empty for spot."
    )
    leverage = serializers.IntegerField(source="position.leverage", help_text="1 for spot.")
    margin = ExactField(source="position.margin", help_text="Set aside for it alone (isolated).")
    liquidation_price = ExactField(allow_null=True, help_text="All else equal; null where no price liquidates it.")
    funding_paid = ExactField(source="position.funding_paid", help_text="Negative: received.")


class FundingPaymentSerializer(serializers.ModelSerializer[FundingPayment]):
    """What a position paid (negative: received) at a funding time: quantity x mark x rate."""

    symbol = serializers.CharField(source="instrument.symbol")
    quantity = ExactField(help_text="As it was held at that time; negative for a short.")
    mark = ExactField(allow_null=True, help_text="Null where a venue told no more than what was paid.")
    rate = ExactField(allow_null=True)
    amount = ExactField()
    insured = ExactField(
        help_text="The part that the insurance fund paid: no isolated position pays more than its margin."
    )

    class Meta:
        model = FundingPayment
        fields = ["id", "instrument", "symbol", "quantity", "mark", "rate", "amount", "insured", "happened_at"]
        read_only_fields = fields
