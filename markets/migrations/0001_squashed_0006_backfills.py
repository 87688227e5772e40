"""All of this app's migrations up to 0006 at once: an empty database is made in a fraction of the time."""

import common.clock
import common.fields
import common.ids
import common.schema
import django.db.models.deletion
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [
        ("markets", "0001_initial"),
        ("markets", "0002_recent_candles"),
        ("markets", "0003_market_clock"),
        ("markets", "0004_alerts_and_watch_lists"),
        ("markets", "0005_venues_and_interests"),
        ("markets", "0006_backfills"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0005_limits_of_exchange_accounts"),
    ]

    operations = [
        common.schema.CreateModels(
            operations=[
                migrations.CreateModel(
                    name="AlertBook",
                    fields=[
                        ("namespace", models.SlugField(max_length=40, primary_key=True, serialize=False)),
                        ("last_change", models.PositiveBigIntegerField(default=0)),
                    ],
                ),
                migrations.CreateModel(
                    name="Asset",
                    fields=[
                        ("code", models.CharField(max_length=20, primary_key=True, serialize=False)),
                        ("name", models.CharField(blank=True, max_length=80)),
                    ],
                ),
                migrations.CreateModel(
                    name="Exchange",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("code", models.SlugField(max_length=40, unique=True)),
                        ("name", models.CharField(max_length=80)),
                        ("namespace", models.SlugField(max_length=40)),
                        (
                            "source_kind",
                            models.CharField(
                                choices=[
                                    ("REAL", "Real prices"),
                                    ("REPLAY", "Replayed candles"),
                                    ("SIMULATED", "Simulated prices"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("dialect", models.CharField(blank=True, max_length=40)),
                        ("base_url", models.CharField(blank=True, max_length=200)),
                        ("is_sandbox", models.BooleanField(default=False)),
                        ("synchronised_at", models.DateTimeField(editable=False, null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="MarketClock",
                    fields=[
                        ("namespace", models.SlugField(max_length=40, primary_key=True, serialize=False)),
                        ("at", models.DateTimeField()),
                    ],
                ),
                migrations.CreateModel(
                    name="Market",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[("SPOT", "Spot"), ("PERPETUAL", "Perpetual")], default="SPOT", max_length=10
                            ),
                        ),
                        ("contract", models.CharField(blank=True, max_length=40)),
                        ("namespace", models.SlugField(max_length=40)),
                        (
                            "base",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.asset"
                            ),
                        ),
                        (
                            "quote",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.asset"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("namespace", "kind", "base", "quote", "contract"), name="market_canonical_key"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Instrument",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("symbol", models.CharField(max_length=60)),
                        ("gateway_symbol", models.CharField(blank=True, max_length=60)),
                        ("contract_size", common.fields.AmountField(default=Decimal("1"))),
                        ("tick_size", common.fields.AmountField()),
                        ("lot_step", common.fields.AmountField()),
                        ("min_quantity", common.fields.AmountField(default=Decimal("0"))),
                        ("min_notional", common.fields.AmountField(default=Decimal("0"))),
                        ("maker_fee_bps", models.DecimalField(decimal_places=4, default=Decimal("10"), max_digits=8)),
                        ("taker_fee_bps", models.DecimalField(decimal_places=4, default=Decimal("10"), max_digits=8)),
                        (
                            "state",
                            models.CharField(
                                choices=[("ACTIVE", "Active"), ("RETIRED", "Retired")], default="ACTIVE", max_length=10
                            ),
                        ),
                        ("is_delisted", models.BooleanField(default=False)),
                        (
                            "exchange",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="instruments",
                                to="markets.exchange",
                            ),
                        ),
                        (
                            "market",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="instruments",
                                to="markets.market",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("exchange", "symbol"), name="instrument_symbol_per_exchange"
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("gateway_symbol", ""), _negated=True),
                                fields=("exchange", "gateway_symbol"),
                                name="instrument_gateway_symbol_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("contract_size__gt", Decimal("0"))),
                                name="instrument_contract_size_positive",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("lot_step__gt", Decimal("0")), ("tick_size__gt", Decimal("0"))),
                                name="instrument_steps_positive",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PriceAlert",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("namespace", models.SlugField(max_length=40)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("ABOVE", "Price rises to"),
                                    ("BELOW", "Price falls to"),
                                    ("MOVE", "Price moves by"),
                                    ("VOLUME_SPIKE", "Volume spikes"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("level", common.fields.AmountField()),
                        ("window_seconds", models.PositiveIntegerField(null=True)),
                        ("repeats", models.BooleanField(default=False)),
                        ("cool_down_seconds", models.PositiveIntegerField(default=0)),
                        ("note", models.CharField(blank=True, max_length=120)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("ARMED", "Waiting"),
                                    ("RESTING", "Told, and will wait again"),
                                    ("FIRED", "Told"),
                                    ("CANCELED", "Canceled"),
                                ],
                                default="ARMED",
                                max_length=8,
                            ),
                        ),
                        ("change", models.PositiveBigIntegerField()),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("armed_at", models.DateTimeField()),
                        ("fired_at", models.DateTimeField(null=True)),
                        ("times_fired", models.PositiveIntegerField(default=0)),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="markets.instrument"
                            ),
                        ),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="price_alerts",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(fields=["owner", "-id"], name="alerts_by_owner"),
                            models.Index(
                                condition=models.Q(("state__in", ["ARMED", "RESTING"])),
                                fields=["namespace"],
                                name="alerts_that_wait",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("namespace", "change"), name="alert_change_once"),
                            models.CheckConstraint(
                                condition=models.Q(("level__gt", Decimal("0"))), name="alert_level_positive"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("kind__in", ["ABOVE", "BELOW"]), ("window_seconds__isnull", True)),
                                    models.Q(("kind__in", ["MOVE", "VOLUME_SPIKE"]), ("window_seconds__isnull", False)),
                                    _connector="OR",
                                ),
                                name="alert_window_where_it_counts",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RecentCandle",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("timeframe", models.CharField(max_length=4)),
                        ("opened_at", models.DateTimeField()),
                        ("open", models.FloatField()),
                        ("high", models.FloatField()),
                        ("low", models.FloatField()),
                        ("close", models.FloatField()),
                        ("volume", models.FloatField()),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="markets.instrument"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("instrument", "timeframe", "opened_at"), name="recent_candle_once"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WatchList",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("name", models.CharField(max_length=60)),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="watch_lists",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("owner", "name"), name="watch_list_name_per_owner")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WatchListEntry",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("position", models.PositiveIntegerField()),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="markets.instrument"
                            ),
                        ),
                        (
                            "watch_list",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="entries",
                                to="markets.watchlist",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["position", "pk"],
                        "constraints": [
                            models.UniqueConstraint(fields=("watch_list", "instrument"), name="watched_once_per_list")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Backfill",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("timeframe", models.CharField(max_length=4)),
                        ("start", models.DateTimeField()),
                        ("end", models.DateTimeField()),
                        ("reached_at", models.DateTimeField()),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("WAITING", "Waiting"),
                                    ("RUNNING", "Loading"),
                                    ("DONE", "Loaded"),
                                    ("FAILED", "Failed"),
                                    ("CANCELED", "Canceled"),
                                ],
                                default="WAITING",
                                max_length=8,
                            ),
                        ),
                        ("error", models.CharField(blank=True, max_length=400)),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        (
                            "requested_by",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="backfills",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="backfills",
                                to="markets.instrument",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                        "indexes": [models.Index(fields=["requested_by", "-id"], name="backfills_by_requester")],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state__in", ["WAITING", "RUNNING"])),
                                fields=("instrument", "timeframe"),
                                name="one_open_backfill_per_series",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("start__lt", models.F("end"))), name="backfill_ends_after_it_starts"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Interest",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("TICKER", "Ticker"),
                                    ("CANDLES", "Candles"),
                                    ("TRADES", "Trades"),
                                    ("BOOK", "Book"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("reason", models.CharField(max_length=60)),
                        ("expires_at", models.DateTimeField()),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="interests",
                                to="markets.instrument",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["expires_at"], name="interests_by_expiry")],
                        "constraints": [
                            models.UniqueConstraint(fields=("instrument", "kind", "reason"), name="interest_once")
                        ],
                    },
                ),
            ],
        ),
    ]
