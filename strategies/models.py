"""What a strategy is, in versions that never change once they have run, and where each is running."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from common.ids import new_id
from markets.models import Instrument
from portfolios.models import Portfolio


class Template(models.TextChoices):
    EMA_CROSS = "ema_cross", "EMA crossover"


class Strategy(models.Model):
    """A named idea of its author's; what it does stands in its versions."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="strategies")
    name = models.CharField(max_length=80)
    template = models.CharField(max_length=20, choices=Template)
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
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="+")
    timeframe = models.CharField(max_length=4)
    # The template's own: {"fast": 12, "slow": 26, "share": "0.2", "stop_loss": "0.05" or null}; ratios as strings.
    parameters = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["strategy", "number"], name="version_number_per_strategy")]

    def __str__(self) -> str:
        return f"{self.strategy} v{self.number}"


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
