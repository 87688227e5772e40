"""What a strategy is, in versions that never change once they have run; where each runs, and what each would have done."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.ids import new_id
from markets.models import Instrument
from portfolios.models import Portfolio
from strategies.grants.models import StrategyGrant  # noqa: F401 - so that Django finds the model


class Strategy(models.Model):
    """A named idea of its author's; what it does stands in its versions."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="strategies")
    name = models.CharField(max_length=80)
    # Which ready template its newest version is, by name; blank where its author went further.
    template = models.CharField(max_length=40, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "strategies"
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="strategy_name_per_owner")]

    def __str__(self) -> str:
        return self.name


class StrategyVersion(models.Model):
    """One setting of a strategy. A version that has run is history: an edit then makes the next version."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    strategy = models.ForeignKey(Strategy, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    # What it trades; a rotation trades the `more` ones too.
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    more: models.ManyToManyField[Instrument, FurtherInstrument] = models.ManyToManyField(
        Instrument, through="FurtherInstrument", related_name="+"
    )
    timeframe = models.CharField(max_length=4)
    # The canonical graph (engine/strategy), which is all three faces, and its hash.
    graph = models.JSONField()
    graph_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    # Others were shown it: as if it had run, it is never changed.
    is_pinned = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["strategy", "number"], name="version_number_per_strategy")]

    def __str__(self) -> str:
        return f"{self.strategy} v{self.number}"


class FurtherInstrument(models.Model):
    """The second and later instruments of a version that trades several, in their order."""

    version = models.ForeignKey(StrategyVersion, on_delete=models.CASCADE, related_name="further")
    place = models.PositiveSmallIntegerField()
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(fields=["version", "place"], name="further_instrument_place"),
            models.UniqueConstraint(fields=["version", "instrument"], name="further_instrument_once"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} of {self.version}"


class RunState(models.TextChoices):
    RUNNING = "RUNNING", "Running"
    STOPPED = "STOPPED", "Stopped"


class StrategyRun(models.Model):
    """A version at work on a portfolio. `decided_until` is its outbox: closed candles after it wait for a decision."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.ForeignKey(StrategyVersion, on_delete=models.PROTECT, related_name="runs")
    portfolio = models.ForeignKey(Portfolio, on_delete=models.PROTECT, related_name="runs")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    timeframe = models.CharField(max_length=4)
    state = models.CharField(max_length=7, choices=RunState, default=RunState.RUNNING)
    stop_code = models.CharField(max_length=40, blank=True)
    # The opening time of the newest candle that was decided on (market time).
    decided_until = models.DateTimeField()
    started_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["portfolio", "instrument"],
                condition=Q(state="RUNNING"),
                name="one_run_per_portfolio_instrument",
            ),
        ]
        # Every closed candle asks whom it concerns.
        indexes = [models.Index(fields=["instrument", "timeframe"], condition=Q(state="RUNNING"), name="run_to_decide")]

    def __str__(self) -> str:
        return f"{self.version} on {self.portfolio}"


class JobState(models.TextChoices):
    QUEUED = "QUEUED", "Queued"
    RUNNING = "RUNNING", "Running"
    DONE = "DONE", "Done"
    FAILED = "FAILED", "Failed"
    CANCELED = "CANCELED", "Canceled"


UNFINISHED_JOBS = (JobState.QUEUED, JobState.RUNNING)


class Job(models.Model):
    """Computing that waits its turn. The row is its outbox: whoever takes the claim by a conditional UPDATE works on it.

    A worker renews `claimed_until` (wall time) while it works. One that falls silent has died: the job is given to
    another once more, and fails after that.
    """

    state = models.CharField(max_length=8, choices=JobState, default=JobState.QUEUED)
    claim = models.CharField(max_length=32, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_finished(self) -> bool:
        return self.state not in UNFINISHED_JOBS


class Study(Job):
    """A question to the past: a strategy on a stretch of candles. Its spec is frozen and hashed, its answer follows from it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="%(class)ss")
    # Null: the strategy was tried without being saved.
    version = models.ForeignKey(
        StrategyVersion, null=True, blank=True, on_delete=models.SET_NULL, related_name="%(class)ss"
    )
    name = models.CharField(max_length=80)
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    timeframe = models.CharField(max_length=4)
    # Market time, the end exclusive: candles that opened in it may be traded on.
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    spec = models.JSONField()
    spec_hash = models.CharField(max_length=64)
    engine_version = models.CharField(max_length=20)
    # 0 to 1.
    progress = models.FloatField(default=0.0)
    created_at = models.DateTimeField()
    # Of the computing process: what it took.
    seconds = models.FloatField(null=True, blank=True)
    peak_memory_bytes = models.BigIntegerField(null=True, blank=True)
    # When its owner had it deleted: what was tried still counts as tried, so these few fields of it stay.
    forgotten_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Backtest(Study):
    """One run of a strategy over past candles."""

    # Which strategy it really was, parameters put in: what counts as one trial of its author's.
    trial_hash = models.CharField(max_length=64)
    # Yearly, of daily returns: how far the author's trials scatter says what the best of them is worth.
    sharpe = models.FloatField(null=True, blank=True)
    # A part of the result's, for lists.
    summary = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-id"], name="backtests_by_owner"),
            models.Index(fields=["spec_hash"], name="backtests_by_spec"),
            models.Index(fields=["claimed_until"], condition=Q(state__in=["QUEUED", "RUNNING"]), name="backtest_to_do"),
        ]


class BacktestResult(models.Model):
    """What a finished backtest came to. Tables are Parquet: being rows, they survive restarts, and every process finds them.

    Whoever asks what somebody asked before gets a copy of the tables, judged by their own number of trials.
    """

    backtest = models.OneToOneField(Backtest, primary_key=True, on_delete=models.CASCADE, related_name="result")
    # All numbers of the result page (strategies/judging.py).
    summary = models.JSONField()
    # Trades and refused entries (engine/simulation/types.py: TRADE_DTYPE, REFUSAL_DTYPE); daily at, equity, benchmark.
    trades = models.BinaryField()
    refusals = models.BinaryField()
    equity = models.BinaryField()

    def __str__(self) -> str:
        return f"Result of {self.backtest}"


class Sweep(Study):
    """Many backtests over parameters, in chunks that workers share; what a chunk found is never computed again."""

    points = models.PositiveIntegerField()
    # Names of the parameters that vary, in the order of the points' values.
    parameters = models.JSONField()
    # {"probability_of_overfitting": 0.31, …} once all is done (engine/statistics).
    overfitting = models.JSONField(default=dict, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-id"], name="sweeps_by_owner"),
            models.Index(fields=["spec_hash"], name="sweeps_by_spec"),
        ]


class SweepChunk(Job):
    """Some points of a sweep, computed together. `returns` holds their daily returns (Parquet) until PBO is computed."""

    sweep = models.ForeignKey(Sweep, on_delete=models.CASCADE, related_name="chunks")
    first = models.PositiveIntegerField()
    count = models.PositiveIntegerField()
    returns = models.BinaryField(default=b"", blank=True)

    class Meta:
        ordering = ["sweep", "first"]
        constraints = [models.UniqueConstraint(fields=["sweep", "first"], name="one_chunk_per_place")]
        indexes = [
            models.Index(fields=["claimed_until"], condition=Q(state__in=["QUEUED", "RUNNING"]), name="chunk_to_do")
        ]

    def __str__(self) -> str:
        return f"{self.sweep}: {self.first} to {self.first + self.count - 1}"


class SweepPoint(models.Model):
    """What one choice of parameters came to."""

    sweep = models.ForeignKey(Sweep, on_delete=models.CASCADE, related_name="results")
    number = models.PositiveIntegerField()
    # In the order of the sweep's parameters.
    values = models.JSONField()
    trial_hash = models.CharField(max_length=64)
    trades = models.PositiveIntegerField()
    total_return = models.FloatField()
    sharpe = models.FloatField(null=True)
    max_drawdown_ratio = models.FloatField()
    profit_factor = models.FloatField(null=True)
    win_rate = models.FloatField(null=True)

    class Meta:
        ordering = ["sweep", "number"]
        constraints = [models.UniqueConstraint(fields=["sweep", "number"], name="one_result_per_point")]

    def __str__(self) -> str:
        return f"{self.sweep} #{self.number}"
