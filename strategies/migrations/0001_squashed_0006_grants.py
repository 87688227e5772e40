"""All of this app's migrations up to 0006 at once: an empty database is made in a fraction of the time."""

import common.ids
import common.schema
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [
        ("strategies", "0001_initial"),
        ("strategies", "0002_graphs_and_backtests"),
        ("strategies", "0003_parameters_become_graphs"),
        ("strategies", "0004_no_parameters"),
        ("strategies", "0005_forgotten_studies"),
        ("strategies", "0006_grants"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0006_webhooks"),
        ("markets", "0006_backfills"),
        ("portfolios", "0007_accounts_on_margin"),
    ]

    operations = [
        common.schema.CreateModels(
            operations=[
                migrations.CreateModel(
                    name="Strategy",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("name", models.CharField(max_length=80)),
                        ("template", models.CharField(blank=True, max_length=40)),
                        ("created_at", models.DateTimeField()),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="strategies",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name_plural": "strategies",
                        "constraints": [
                            models.UniqueConstraint(fields=("owner", "name"), name="strategy_name_per_owner")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="StrategyVersion",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("number", models.PositiveIntegerField()),
                        ("timeframe", models.CharField(max_length=4)),
                        ("created_at", models.DateTimeField()),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.instrument"
                            ),
                        ),
                        (
                            "strategy",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="versions",
                                to="strategies.strategy",
                            ),
                        ),
                        ("graph", models.JSONField()),
                        ("graph_hash", models.CharField(max_length=64)),
                        (
                            "more",
                            models.ManyToManyField(
                                related_name="+", through="strategies.FurtherInstrument", to="markets.instrument"
                            ),
                        ),
                        ("is_pinned", models.BooleanField(default=False)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("strategy", "number"), name="version_number_per_strategy")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="StrategyRun",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("timeframe", models.CharField(max_length=4)),
                        (
                            "state",
                            models.CharField(
                                choices=[("RUNNING", "Running"), ("STOPPED", "Stopped")],
                                default="RUNNING",
                                max_length=7,
                            ),
                        ),
                        ("stop_code", models.CharField(blank=True, max_length=40)),
                        ("decided_until", models.DateTimeField()),
                        ("started_at", models.DateTimeField()),
                        ("stopped_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.instrument"
                            ),
                        ),
                        (
                            "portfolio",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="runs",
                                to="portfolios.portfolio",
                            ),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="runs",
                                to="strategies.strategyversion",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state", "RUNNING")),
                                fields=["instrument", "timeframe"],
                                name="run_to_decide",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "RUNNING")),
                                fields=("portfolio", "instrument"),
                                name="one_run_per_portfolio_instrument",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Backtest",
                    fields=[
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("QUEUED", "Queued"),
                                    ("RUNNING", "Running"),
                                    ("DONE", "Done"),
                                    ("FAILED", "Failed"),
                                    ("CANCELED", "Canceled"),
                                ],
                                default="QUEUED",
                                max_length=8,
                            ),
                        ),
                        ("claim", models.CharField(blank=True, max_length=32)),
                        ("claimed_until", models.DateTimeField(blank=True, null=True)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("error_code", models.CharField(blank=True, max_length=60)),
                        ("error_message", models.TextField(blank=True)),
                        ("started_at", models.DateTimeField(blank=True, null=True)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("name", models.CharField(max_length=80)),
                        ("timeframe", models.CharField(max_length=4)),
                        ("starts_at", models.DateTimeField()),
                        ("ends_at", models.DateTimeField()),
                        ("spec", models.JSONField()),
                        ("spec_hash", models.CharField(max_length=64)),
                        ("engine_version", models.CharField(max_length=20)),
                        ("progress", models.FloatField(default=0.0)),
                        ("created_at", models.DateTimeField()),
                        ("seconds", models.FloatField(blank=True, null=True)),
                        ("peak_memory_bytes", models.BigIntegerField(blank=True, null=True)),
                        ("trial_hash", models.CharField(max_length=64)),
                        ("sharpe", models.FloatField(blank=True, null=True)),
                        ("summary", models.JSONField(blank=True, default=dict)),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.instrument"
                            ),
                        ),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="%(class)ss",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="%(class)ss",
                                to="strategies.strategyversion",
                            ),
                        ),
                        ("forgotten_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["owner", "-id"], name="backtests_by_owner"),
                            models.Index(fields=["spec_hash"], name="backtests_by_spec"),
                            models.Index(
                                condition=models.Q(("state__in", ["QUEUED", "RUNNING"])),
                                fields=["claimed_until"],
                                name="backtest_to_do",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="BacktestResult",
                    fields=[
                        (
                            "backtest",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="result",
                                serialize=False,
                                to="strategies.backtest",
                            ),
                        ),
                        ("summary", models.JSONField()),
                        ("trades", models.BinaryField()),
                        ("refusals", models.BinaryField()),
                        ("equity", models.BinaryField()),
                    ],
                ),
                migrations.CreateModel(
                    name="FurtherInstrument",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("place", models.PositiveSmallIntegerField()),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.instrument"
                            ),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="further",
                                to="strategies.strategyversion",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["place"],
                        "constraints": [
                            models.UniqueConstraint(fields=("version", "place"), name="further_instrument_place"),
                            models.UniqueConstraint(fields=("version", "instrument"), name="further_instrument_once"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Sweep",
                    fields=[
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("QUEUED", "Queued"),
                                    ("RUNNING", "Running"),
                                    ("DONE", "Done"),
                                    ("FAILED", "Failed"),
                                    ("CANCELED", "Canceled"),
                                ],
                                default="QUEUED",
                                max_length=8,
                            ),
                        ),
                        ("claim", models.CharField(blank=True, max_length=32)),
                        ("claimed_until", models.DateTimeField(blank=True, null=True)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("error_code", models.CharField(blank=True, max_length=60)),
                        ("error_message", models.TextField(blank=True)),
                        ("started_at", models.DateTimeField(blank=True, null=True)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("name", models.CharField(max_length=80)),
                        ("timeframe", models.CharField(max_length=4)),
                        ("starts_at", models.DateTimeField()),
                        ("ends_at", models.DateTimeField()),
                        ("spec", models.JSONField()),
                        ("spec_hash", models.CharField(max_length=64)),
                        ("engine_version", models.CharField(max_length=20)),
                        ("progress", models.FloatField(default=0.0)),
                        ("created_at", models.DateTimeField()),
                        ("seconds", models.FloatField(blank=True, null=True)),
                        ("peak_memory_bytes", models.BigIntegerField(blank=True, null=True)),
                        ("points", models.PositiveIntegerField()),
                        ("parameters", models.JSONField()),
                        ("overfitting", models.JSONField(blank=True, default=dict)),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.instrument"
                            ),
                        ),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="%(class)ss",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="%(class)ss",
                                to="strategies.strategyversion",
                            ),
                        ),
                        ("forgotten_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["owner", "-id"], name="sweeps_by_owner"),
                            models.Index(fields=["spec_hash"], name="sweeps_by_spec"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SweepChunk",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("QUEUED", "Queued"),
                                    ("RUNNING", "Running"),
                                    ("DONE", "Done"),
                                    ("FAILED", "Failed"),
                                    ("CANCELED", "Canceled"),
                                ],
                                default="QUEUED",
                                max_length=8,
                            ),
                        ),
                        ("claim", models.CharField(blank=True, max_length=32)),
                        ("claimed_until", models.DateTimeField(blank=True, null=True)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("error_code", models.CharField(blank=True, max_length=60)),
                        ("error_message", models.TextField(blank=True)),
                        ("started_at", models.DateTimeField(blank=True, null=True)),
                        ("finished_at", models.DateTimeField(blank=True, null=True)),
                        ("first", models.PositiveIntegerField()),
                        ("count", models.PositiveIntegerField()),
                        ("returns", models.BinaryField(blank=True, default=b"")),
                        (
                            "sweep",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="chunks",
                                to="strategies.sweep",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["sweep", "first"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state__in", ["QUEUED", "RUNNING"])),
                                fields=["claimed_until"],
                                name="chunk_to_do",
                            )
                        ],
                        "constraints": [models.UniqueConstraint(fields=("sweep", "first"), name="one_chunk_per_place")],
                    },
                ),
                migrations.CreateModel(
                    name="SweepPoint",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("number", models.PositiveIntegerField()),
                        ("values", models.JSONField()),
                        ("trial_hash", models.CharField(max_length=64)),
                        ("trades", models.PositiveIntegerField()),
                        ("total_return", models.FloatField()),
                        ("sharpe", models.FloatField(null=True)),
                        ("max_drawdown_ratio", models.FloatField()),
                        ("profit_factor", models.FloatField(null=True)),
                        ("win_rate", models.FloatField(null=True)),
                        (
                            "sweep",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="results",
                                to="strategies.sweep",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["sweep", "number"],
                        "constraints": [
                            models.UniqueConstraint(fields=("sweep", "number"), name="one_result_per_point")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="StrategyGrant",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("until", models.DateTimeField(blank=True, null=True)),
                        ("shows_source", models.BooleanField()),
                        ("granted_at", models.DateTimeField()),
                        ("revoked_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="strategy_grants",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "version",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="grants",
                                to="strategies.strategyversion",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("revoked_at", None)),
                                fields=("user", "version"),
                                name="one_grant_per_user_version",
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
