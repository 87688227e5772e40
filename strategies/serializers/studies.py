"""The shapes of backtests and sweeps: what asking for one takes, how it stands, what it came to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, cast

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from engine.simulation.types import TRADE_DTYPE, ExitReason, FillRule, SlippageKind
from markets.models import Instrument
from strategies.grants.selectors import shown_spec, versions_shown_to
from strategies.models import Backtest, JobState, Sweep, SweepPoint
from strategies.serializers.definitions import TIMEFRAME_CHOICES, FaceSerializer, face_given
from strategies.services.definitions import MAX_INSTRUMENTS
from strategies.services.sweeps import Search
from strategies.terms import Terms

MOST_COMPARED = 5
# More values of one parameter than this are no grid that anybody looks through.
MAX_VALUES = 1_000


class AskSerializer(FaceSerializer):
    """What is to be tried, on which candles, at what cost. Name a `version` of yours, or give a strategy by one face."""

    version = serializers.UUIDField(required=False)
    name = serializers.CharField(required=False, max_length=80, default="", allow_blank=True)
    instruments = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        min_length=1,
        max_length=MAX_INSTRUMENTS,
        help_text="The traded one first; a version's own where they are left out.",
    )
    timeframe = serializers.ChoiceField(
        choices=TIMEFRAME_CHOICES, required=False, help_text="A version's own where it is left out."
    )
    start = serializers.DateTimeField(help_text="Candles that opened from then on are traded on; earlier ones warm up.")
    end = serializers.DateTimeField(help_text="Candles that ended by then are traded on; no later than market time.")
    initial_cash = serializers.FloatField(default=10_000.0)
    maker_fee = serializers.FloatField(default=0.001, help_text="A ratio: 0.001 is 0.1 %.")
    taker_fee = serializers.FloatField(default=0.001, help_text="A ratio: 0.001 is 0.1 %.")
    slippage = serializers.ChoiceField(choices=[one.value for one in SlippageKind], default=SlippageKind.NONE.value)
    slippage_value = serializers.FloatField(default=0.0, help_text="Basis points, or a ratio, as slippage says.")
    leverage = serializers.FloatField(default=1.0)
    fill_rule = serializers.ChoiceField(choices=[one.value for one in FillRule], default=FillRule.STANDARD.value)
    detail_timeframe = serializers.ChoiceField(
        choices=TIMEFRAME_CHOICES, required=False, help_text="For the fill rule `detail`."
    )


def terms_given(data: Mapping[str, Any], instruments: list[Instrument], timeframe: str) -> Terms:
    """Return what a validated AskSerializer holds."""
    plain = ("start", "end", "initial_cash", "maker_fee", "taker_fee", "slippage_value", "leverage")
    return Terms(
        instruments=tuple(instruments),
        timeframe=timeframe,
        slippage=SlippageKind(data["slippage"]),
        fill_rule=FillRule(data["fill_rule"]),
        detail_timeframe=data.get("detail_timeframe", ""),
        **{name: data[name] for name in plain},
    )


class SweepAskSerializer(AskSerializer):
    """A sweep is asked for as a backtest is, and with what to try: a `grid`, or `random` names with a `count`."""

    grid = serializers.DictField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=1, max_length=MAX_VALUES),
        required=False,
        help_text="Values by parameter.",
    )
    random = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, help_text="Parameters to draw within their bounds."
    )
    count = serializers.IntegerField(required=False, min_value=1, max_value=1_000_000, help_text="Points to draw.")
    seed = serializers.IntegerField(default=1, min_value=0, max_value=2**32 - 1)


def search_given(data: Mapping[str, Any]) -> Search:
    """Return what a validated SweepAskSerializer holds."""
    return Search(data.get("grid", {}), data.get("random", ()), data.get("count", 0), data["seed"])


_STUDY = [
    "id",
    "name",
    "version",
    "instrument",
    "symbol",
    "timeframe",
    "starts_at",
    "ends_at",
    "state",
    "progress",
    "error_code",
    "error_message",
    "spec_hash",
    "engine_version",
    "created_at",
    "started_at",
    "finished_at",
    "seconds",
    "peak_memory_bytes",
]


Study = TypeVar("Study", bound=Backtest | Sweep)


class StudySerializer(serializers.ModelSerializer[Study]):
    """A study without the hashes of a strategy that is sealed for its owner: whoever guesses it must not be told so."""

    spec_hash = serializers.CharField(read_only=True, allow_null=True, help_text="Null where the strategy is sealed.")

    def to_representation(self, instance: Study) -> dict[str, Any]:
        shown = super().to_representation(instance)
        version = instance.version
        if version is not None and version.strategy.owner_id != instance.owner_id:
            # Asked once for all rows of a list.
            context = cast(dict[str, Any], self.root.context)
            if "versions_shown" not in context:
                context["versions_shown"] = versions_shown_to(instance.owner_id)
            if version.pk not in context["versions_shown"]:
                shown.update({name: None for name in ("spec_hash", "trial_hash") if name in shown})
        return shown


class BacktestSerializer(StudySerializer[Backtest]):
    """How a backtest stands; `summary` is what lists show of its result."""

    trial_hash = serializers.CharField(read_only=True, allow_null=True, help_text="Null where the strategy is sealed.")
    symbol = serializers.CharField(source="instrument.symbol", read_only=True)
    state = serializers.ChoiceField(choices=JobState.choices, read_only=True)
    summary = serializers.DictField(read_only=True)

    class Meta:
        model = Backtest
        fields = [*_STUDY, "trial_hash", "summary"]
        read_only_fields = fields


class BacktestDetailSerializer(BacktestSerializer):
    """A backtest with its frozen spec and, when it is done, all figures of its result."""

    spec = serializers.SerializerMethodField(help_text="Of a sealed strategy without its graph.")
    result = serializers.SerializerMethodField(help_text="Null until it is done.")

    class Meta(BacktestSerializer.Meta):
        fields = [*BacktestSerializer.Meta.fields, "spec", "result"]
        read_only_fields = fields

    @extend_schema_field(serializers.DictField())
    def get_spec(self, backtest: Backtest) -> dict[str, object]:
        return shown_spec(backtest)

    def get_result(self, backtest: Backtest) -> dict[str, Any] | None:
        return backtest.result.summary if backtest.state == JobState.DONE else None


class SweepSerializer(StudySerializer[Sweep]):
    """How a sweep stands; `overfitting` is known once all points are."""

    symbol = serializers.CharField(source="instrument.symbol", read_only=True)
    state = serializers.ChoiceField(choices=JobState.choices, read_only=True)
    parameters = serializers.ListField(child=serializers.CharField(), read_only=True)
    overfitting = serializers.DictField(read_only=True)

    class Meta:
        model = Sweep
        fields = [*_STUDY, "points", "parameters", "overfitting"]
        read_only_fields = fields


class SweepPointSerializer(serializers.ModelSerializer[SweepPoint]):
    """What one choice of parameters came to; `values` are in the order of the sweep's parameters."""

    values = serializers.ListField(child=serializers.FloatField(), read_only=True)

    class Meta:
        model = SweepPoint
        fields = [
            "number",
            "values",
            "trades",
            "total_return",
            "sharpe",
            "max_drawdown_ratio",
            "profit_factor",
            "win_rate",
        ]
        read_only_fields = fields


class TradeQuery(serializers.Serializer[Any]):
    """Which trades, in which order."""

    sort = serializers.ChoiceField(choices=list(TRADE_DTYPE.names or ()), default="opened_at")
    descending = serializers.BooleanField(default=False)
    offset = serializers.IntegerField(default=0, min_value=0, max_value=10_000_000)
    limit = serializers.IntegerField(default=200, min_value=1, max_value=1_000)


class TradeSerializer(serializers.Serializer[Any]):
    """One round trip. Amounts in quote units, ratios of the stake."""

    symbol = serializers.CharField()
    is_short = serializers.BooleanField()
    opened_at = serializers.DateTimeField()
    closed_at = serializers.DateTimeField()
    open_price = serializers.FloatField()
    close_price = serializers.FloatField()
    quantity = serializers.FloatField()
    stake = serializers.FloatField()
    fees = serializers.FloatField()
    funding = serializers.FloatField()
    profit = serializers.FloatField()
    profit_ratio = serializers.FloatField()
    exit_reason = serializers.ChoiceField(choices=[one.name.lower() for one in ExitReason])


class TradePageSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="How many trades there are in all.")
    trades = TradeSerializer(many=True)


class EquitySerializer(serializers.Serializer[Any]):
    """Daily equity: `at` are the ends of UTC days, the first one the beginning."""

    at = serializers.ListField(child=serializers.DateTimeField())
    equity = serializers.ListField(child=serializers.FloatField())
    benchmark = serializers.ListField(child=serializers.FloatField(), help_text="Of buying and holding.")


class CompareQuery(serializers.Serializer[Any]):
    """Which backtests: `id` once for each, two to five."""

    id = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=MOST_COMPARED)


class ComparedSerializer(serializers.Serializer[Any]):
    """One of the compared: its metrics, and its daily equity."""

    backtest = BacktestSerializer()
    metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))
    equity = EquitySerializer()


__all__ = [
    "AskSerializer",
    "BacktestDetailSerializer",
    "BacktestSerializer",
    "CompareQuery",
    "ComparedSerializer",
    "EquitySerializer",
    "SweepAskSerializer",
    "SweepPointSerializer",
    "SweepSerializer",
    "TradePageSerializer",
    "TradeQuery",
    "face_given",
    "search_given",
    "terms_given",
]
