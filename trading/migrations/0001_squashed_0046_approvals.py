"""All of this app's migrations up to 0046 at once: an empty database is made in a fraction of the time."""

import common.fields
import common.ids
import common.schema
import django.core.serializers.json
import django.db.models.deletion
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [
        ("trading", "0001_initial"),
        ("trading", "0002_client_order_id_once"),
        ("trading", "0003_asking_about_orders"),
        ("trading", "0004_risk_limits"),
        ("trading", "0005_resting_orders"),
        ("trading", "0006_live_orders"),
        ("trading", "0007_holds_of_resting_orders"),
        ("trading", "0008_order_templates"),
        ("trading", "0009_orders_on_their_way"),
        ("trading", "0010_plans"),
        ("trading", "0011_venue_waiting"),
        ("trading", "0012_perpetuals"),
        ("trading", "0020_copy_settings"),
        ("trading", "0030_profit_shares"),
        ("trading", "0040_follow_life"),
        ("trading", "0041_signals"),
        ("trading", "0042_follow_consent"),
        ("trading", "0043_order_by_state_and_id"),
        ("trading", "0044_protective_stop"),
        ("trading", "0045_next_profit_share"),
        ("trading", "0046_approvals"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0012_privacy"),
        ("markets", "0006_backfills"),
        ("portfolios", "0008_teams"),
    ]

    operations = [
        common.schema.CreateModels(
            operations=[
                migrations.CreateModel(
                    name="LeadStream",
                    fields=[
                        (
                            "portfolio",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="lead_stream",
                                serialize=False,
                                to="portfolios.portfolio",
                            ),
                        ),
                        ("last_seq", models.PositiveBigIntegerField(default=0)),
                        ("most_capital", common.fields.AmountField(blank=True, null=True)),
                        ("most_followers", models.PositiveIntegerField(blank=True, null=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="TriggerBook",
                    fields=[
                        ("namespace", models.SlugField(max_length=40, primary_key=True, serialize=False)),
                        ("last_change", models.PositiveBigIntegerField(default=0)),
                    ],
                ),
                migrations.CreateModel(
                    name="Follow",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("WAITING", "Waiting"),
                                    ("PENDING", "Pending"),
                                    ("ACTIVE", "Active"),
                                    ("PAUSED", "Paused"),
                                    ("STOPPING", "Stopping"),
                                    ("STOPPED", "Stopped"),
                                ],
                                default="ACTIVE",
                                max_length=8,
                            ),
                        ),
                        ("state_code", models.CharField(blank=True, max_length=40)),
                        ("start_seq", models.PositiveBigIntegerField()),
                        ("started_at", models.DateTimeField()),
                        ("stopped_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "follower",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="follows",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "lead",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="followers",
                                to="portfolios.portfolio",
                            ),
                        ),
                        (
                            "portfolio",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="follow",
                                to="portfolios.portfolio",
                            ),
                        ),
                        ("settings", models.JSONField(blank=True, default=dict)),
                        ("last_seq", models.PositiveBigIntegerField(default=0)),
                        ("frozen_at", models.DateTimeField(blank=True, null=True)),
                        ("copied_on", models.DateField(blank=True, null=True)),
                        ("copied_count", models.PositiveIntegerField(default=0)),
                        ("drift_due_at", models.DateTimeField(blank=True, null=True)),
                        ("exits_until", models.DateTimeField(blank=True, null=True)),
                        (
                            "stop_mode",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("CLOSE_NOW", "Close now"),
                                    ("FOLLOW_EXITS", "Follow the lead's exits"),
                                    ("KEEP", "Keep"),
                                ],
                                max_length=12,
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["lead", "state"], name="follow_by_lead"),
                            models.Index(
                                condition=models.Q(("drift_due_at__isnull", False)),
                                fields=["drift_due_at"],
                                name="follow_drift_due",
                            ),
                            models.Index(
                                condition=models.Q(("state", "STOPPING")),
                                fields=["exits_until"],
                                name="follow_exits_due",
                            ),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "STOPPED"), _negated=True),
                                fields=("follower", "lead"),
                                name="one_open_follow_per_lead",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="FollowCommand",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("ADOPT", "Adopt"),
                                    ("CLOSE_ALL", "Close All"),
                                    ("REPAIR", "Repair"),
                                    ("RESYNC", "Resync"),
                                    ("CATCH_UP", "Catch Up"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("due_at", models.DateTimeField()),
                        ("is_done", models.BooleanField(default=False)),
                        (
                            "follow",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="commands",
                                to="trading.follow",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("is_done", False)), fields=["due_at"], name="follow_command_waiting"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="FollowPosition",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("ratio", common.fields.AmountField(default=Decimal("0"))),
                        ("target", common.fields.AmountField(default=Decimal("0"))),
                        ("last_seq", models.PositiveBigIntegerField(default=0)),
                        (
                            "follow",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="positions",
                                to="trading.follow",
                            ),
                        ),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.instrument"
                            ),
                        ),
                        ("missed_events", models.PositiveIntegerField(default=0)),
                        ("unexplained_orders", models.PositiveIntegerField(default=0)),
                        ("settings", models.JSONField(blank=True, default=dict)),
                        ("residual", common.fields.AmountField(default=Decimal("0"))),
                        ("residual_since", models.DateTimeField(blank=True, null=True)),
                        ("missed", common.fields.AmountField(default=Decimal("0"))),
                        ("drift_since", models.DateTimeField(blank=True, null=True)),
                        ("diverged_at", models.DateTimeField(blank=True, null=True)),
                        ("stopped_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("follow", "instrument"), name="follow_position_per_instrument"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Order",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "cause_kind",
                            models.CharField(
                                choices=[
                                    ("HAND", "Hand"),
                                    ("RUN", "Run"),
                                    ("TRIGGER", "Trigger"),
                                    ("VENUE", "Venue"),
                                    ("LEAD_EVENT", "Lead Event"),
                                    ("FOLLOW_COMMAND", "Follow Command"),
                                    ("CLOSE_ALL", "Close All"),
                                    ("BRACKET", "Bracket"),
                                    ("PLAN", "Plan"),
                                    ("SIGNAL", "Signal"),
                                    ("LIQUIDATION", "Liquidation"),
                                    ("PROTECTION", "Protection"),
                                ],
                                max_length=14,
                            ),
                        ),
                        ("cause_id", models.CharField(max_length=80)),
                        ("leg", models.CharField(choices=[("OPEN", "Open"), ("CLOSE", "Close")], max_length=5)),
                        ("attempt", models.PositiveSmallIntegerField(default=1)),
                        ("client_order_id", models.CharField(max_length=32)),
                        ("side", models.CharField(choices=[("BUY", "Buy"), ("SELL", "Sell")], max_length=4)),
                        ("requested_quantity", common.fields.AmountField()),
                        ("quantity", common.fields.AmountField(default=Decimal("0"))),
                        ("closed_fraction", common.fields.AmountField(blank=True, null=True)),
                        ("seq", models.PositiveBigIntegerField(default=0)),
                        ("market_price", common.fields.AmountField(blank=True, null=True)),
                        ("reserved", common.fields.AmountField(default=Decimal("0"))),
                        ("filled_quantity", common.fields.AmountField(default=Decimal("0"))),
                        ("average_price", common.fields.AmountField(default=Decimal("0"))),
                        ("fee", common.fields.AmountField(default=Decimal("0"))),
                        ("stop_loss_ratio", models.DecimalField(blank=True, decimal_places=5, max_digits=7, null=True)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("PENDING", "Pending"),
                                    ("SUBMITTING", "Submitting"),
                                    ("OPEN", "Open"),
                                    ("PARTIALLY_FILLED", "Partially filled"),
                                    ("FILLED", "Filled"),
                                    ("CANCELED", "Canceled"),
                                    ("EXPIRED", "Expired"),
                                    ("REJECTED", "Rejected"),
                                    ("DENIED", "Denied"),
                                    ("UNKNOWN", "Unknown"),
                                ],
                                default="PENDING",
                                max_length=16,
                            ),
                        ),
                        ("code", models.CharField(blank=True, max_length=40)),
                        ("claim", models.CharField(blank=True, max_length=32)),
                        ("claimed_at", models.DateTimeField(blank=True, null=True)),
                        ("created_at", models.DateTimeField()),
                        ("recorded_at", models.DateTimeField()),
                        (
                            "follow",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="orders",
                                to="trading.follow",
                            ),
                        ),
                        (
                            "instrument",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="markets.instrument",
                            ),
                        ),
                        (
                            "portfolio",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="orders",
                                to="portfolios.portfolio",
                            ),
                        ),
                        ("ask_at", models.DateTimeField(blank=True, null=True)),
                        ("times_asked", models.PositiveSmallIntegerField(default=0)),
                        ("missing_since", models.DateTimeField(blank=True, null=True)),
                        ("activation_price", common.fields.AmountField(blank=True, null=True)),
                        ("change", models.PositiveBigIntegerField(blank=True, null=True)),
                        ("expires_at", models.DateTimeField(blank=True, null=True)),
                        ("group_id", models.UUIDField(blank=True, null=True)),
                        (
                            "group_role",
                            models.CharField(
                                blank=True,
                                choices=[
                                    ("OCO", "One of two"),
                                    ("ENTRY", "Entry"),
                                    ("STOP", "Stop"),
                                    ("TARGET", "Target"),
                                    ("TURN", "Reversal"),
                                ],
                                max_length=6,
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("MARKET", "Market"),
                                    ("LIMIT", "Limit"),
                                    ("STOP", "Stop"),
                                    ("STOP_LIMIT", "Stop limit"),
                                    ("TAKE_PROFIT", "Take profit"),
                                    ("TAKE_PROFIT_LIMIT", "Take profit limit"),
                                    ("TRAILING_STOP", "Trailing stop"),
                                ],
                                default="MARKET",
                                max_length=17,
                            ),
                        ),
                        ("limit_price", common.fields.AmountField(blank=True, null=True)),
                        ("peak_price", common.fields.AmountField(blank=True, null=True)),
                        ("post_only", models.BooleanField(default=False)),
                        ("reduce_only", models.BooleanField(default=False)),
                        ("rests_since", models.DateTimeField(blank=True, null=True)),
                        ("stop_price", common.fields.AmountField(blank=True, null=True)),
                        ("target_price", common.fields.AmountField(blank=True, null=True)),
                        (
                            "time_in_force",
                            models.CharField(
                                choices=[
                                    ("GTC", "Until canceled"),
                                    ("IOC", "At once or not"),
                                    ("FOK", "All at once or not"),
                                    ("GTD", "Until a time"),
                                ],
                                default="GTC",
                                max_length=3,
                            ),
                        ),
                        ("trail_amount", common.fields.AmountField(blank=True, null=True)),
                        ("trail_bps", models.DecimalField(blank=True, decimal_places=4, max_digits=8, null=True)),
                        ("trigger_price", common.fields.AmountField(blank=True, null=True)),
                        ("triggered_at", models.DateTimeField(blank=True, null=True)),
                        ("venue_order_id", models.CharField(blank=True, max_length=64)),
                        ("arrives_at", models.DateTimeField(blank=True, null=True)),
                        ("plan_heard", models.BooleanField(default=False)),
                        ("plan_key", models.CharField(blank=True, max_length=40)),
                        (
                            "plan",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="orders",
                                to="trading.plan",
                            ),
                        ),
                        ("cancel_at", models.DateTimeField(blank=True, null=True)),
                        ("cancel_code", models.CharField(blank=True, max_length=40)),
                        ("is_at_venue", models.BooleanField(default=False)),
                        (
                            "replaces",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="trading.order",
                            ),
                        ),
                        ("leverage", models.PositiveSmallIntegerField(default=1)),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["portfolio", "-id"], name="order_of_portfolio"),
                            models.Index(fields=["follow", "state"], name="order_of_follow_by_state"),
                            models.Index(
                                condition=models.Q(("change__isnull", False)), fields=["change"], name="order_by_change"
                            ),
                            models.Index(
                                condition=models.Q(("change__isnull", False)),
                                fields=["portfolio", "state"],
                                name="order_at_rest",
                            ),
                            models.Index(
                                condition=models.Q(("expires_at__isnull", False)),
                                fields=["expires_at"],
                                name="order_expiring",
                            ),
                            models.Index(
                                condition=models.Q(("group_id__isnull", False)),
                                fields=["group_id"],
                                name="order_of_group",
                            ),
                            models.Index(
                                condition=models.Q(("arrives_at__isnull", False)),
                                fields=["arrives_at"],
                                name="order_arriving",
                            ),
                            models.Index(
                                condition=models.Q(("plan__isnull", False)),
                                fields=["plan", "-id"],
                                name="order_of_plan",
                            ),
                            models.Index(
                                condition=models.Q(("cancel_at__isnull", False)),
                                fields=["cancel_at"],
                                name="order_to_cancel",
                            ),
                            models.Index(fields=["state", "cause_kind", "cause_id", "id"], name="order_by_state"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("portfolio", "cause_kind", "cause_id", "instrument", "leg", "attempt"),
                                name="order_once_per_cause",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(
                                    ("state__in", ["SUBMITTING", "OPEN", "PARTIALLY_FILLED", "UNKNOWN"])
                                ),
                                fields=("follow", "instrument"),
                                name="order_one_in_flight",
                            ),
                            models.UniqueConstraint(fields=("client_order_id",), name="order_client_id_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("kind__in", ("LIMIT", "STOP_LIMIT", "TAKE_PROFIT_LIMIT")),
                                        ("limit_price__gt", Decimal("0")),
                                        ("limit_price__isnull", False),
                                    ),
                                    models.Q(
                                        models.Q(
                                            ("kind__in", ("LIMIT", "STOP_LIMIT", "TAKE_PROFIT_LIMIT")), _negated=True
                                        ),
                                        ("limit_price__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="order_limit_price_of_kind",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("kind__in", ("STOP", "STOP_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")),
                                        ("trigger_price__gt", Decimal("0")),
                                        ("trigger_price__isnull", False),
                                    ),
                                    models.Q(
                                        models.Q(
                                            ("kind__in", ("STOP", "STOP_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")),
                                            _negated=True,
                                        ),
                                        ("trigger_price__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="order_trigger_price_of_kind",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("kind", "TRAILING_STOP"),
                                        ("trail_amount__gt", Decimal("0")),
                                        ("trail_amount__isnull", False),
                                        ("trail_bps__isnull", True),
                                    ),
                                    models.Q(
                                        ("kind", "TRAILING_STOP"),
                                        ("trail_bps__gt", Decimal("0")),
                                        ("trail_bps__isnull", False),
                                        ("trail_amount__isnull", True),
                                    ),
                                    models.Q(
                                        models.Q(("kind", "TRAILING_STOP"), _negated=True),
                                        ("trail_amount__isnull", True),
                                        ("trail_bps__isnull", True),
                                        ("activation_price__isnull", True),
                                        ("peak_price__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="order_trail_of_kind",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("expires_at__isnull", False), ("time_in_force", "GTD")),
                                    models.Q(
                                        models.Q(("time_in_force", "GTD"), _negated=True), ("expires_at__isnull", True)
                                    ),
                                    _connector="OR",
                                ),
                                name="order_expiry_of_gtd",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("kind", "LIMIT"),
                                    models.Q(
                                        ("post_only", False),
                                        models.Q(("time_in_force__in", ["IOC", "FOK"]), _negated=True),
                                    ),
                                    _connector="OR",
                                ),
                                name="order_only_limits_cross_or_post",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("reduce_only", False), ("leg", "CLOSE"), _connector="OR"),
                                name="order_reduce_only_closes",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("group_id__isnull", True), ("group_role", "")),
                                    models.Q(models.Q(("group_role", ""), _negated=True), ("group_id__isnull", False)),
                                    _connector="OR",
                                ),
                                name="order_group_has_role",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("change__isnull", True), ("rests_since__isnull", True)),
                                    models.Q(("change__isnull", False), ("rests_since__isnull", False)),
                                    _connector="OR",
                                ),
                                name="order_rests_with_number",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("kind", "MARKET"), _negated=True),
                                    ("time_in_force", "GTC"),
                                    _connector="OR",
                                ),
                                name="order_market_takes_what_comes",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("arrives_at__isnull", True),
                                    ("rests_since", models.F("arrives_at")),
                                    _connector="OR",
                                ),
                                name="order_arrives_before_it_rests",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("plan__isnull", False)),
                                fields=("plan", "plan_key", "attempt"),
                                name="order_once_per_wish",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("replaces__isnull", False)),
                                fields=("replaces",),
                                name="order_replaced_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("cancel_at__isnull", True), ("cancel_code", "")),
                                    models.Q(("cancel_code", ""), _negated=True),
                                    _connector="OR",
                                ),
                                name="order_cancel_has_reason",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="LeadEvent",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("seq", models.PositiveBigIntegerField()),
                        ("side", models.CharField(choices=[("BUY", "Buy"), ("SELL", "Sell")], max_length=4)),
                        ("opened_quantity", common.fields.AmountField(default=Decimal("0"))),
                        ("price", common.fields.AmountField()),
                        ("closed_fraction", common.fields.AmountField(default=Decimal("0"))),
                        ("resulting_quantity", common.fields.AmountField()),
                        ("lead_equity", common.fields.AmountField()),
                        ("market_price", common.fields.AmountField(blank=True, null=True)),
                        ("due_at", models.DateTimeField()),
                        (
                            "state",
                            models.CharField(
                                choices=[("WAITING", "Waiting"), ("DONE", "Done")], default="WAITING", max_length=7
                            ),
                        ),
                        ("cursor", models.CharField(blank=True, max_length=32)),
                        ("happened_at", models.DateTimeField()),
                        ("recorded_at", models.DateTimeField()),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.instrument"
                            ),
                        ),
                        (
                            "lead",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="lead_events",
                                to="portfolios.portfolio",
                            ),
                        ),
                        (
                            "order",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="lead_events",
                                to="trading.order",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["state", "lead", "seq"], name="lead_event_by_state")],
                        "constraints": [models.UniqueConstraint(fields=("lead", "seq"), name="lead_event_seq")],
                    },
                ),
                migrations.CreateModel(
                    name="Fill",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("number", models.PositiveBigIntegerField()),
                        ("venue_account", models.CharField(max_length=60)),
                        ("venue_fill_id", models.CharField(max_length=80)),
                        ("side", models.CharField(choices=[("BUY", "Buy"), ("SELL", "Sell")], max_length=4)),
                        ("quantity", common.fields.AmountField()),
                        ("price", common.fields.AmountField()),
                        ("fee", common.fields.AmountField()),
                        ("happened_at", models.DateTimeField()),
                        ("recorded_at", models.DateTimeField()),
                        (
                            "instrument",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="markets.instrument",
                            ),
                        ),
                        (
                            "portfolio",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="fills",
                                to="portfolios.portfolio",
                            ),
                        ),
                        (
                            "order",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="fills", to="trading.order"
                            ),
                        ),
                        ("base_fee", common.fields.AmountField(default=Decimal("0"))),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("venue_account", "venue_fill_id"), name="fill_once_per_venue"
                            ),
                            models.UniqueConstraint(fields=("portfolio", "number"), name="fill_number_per_portfolio"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="OrderEvent",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("PENDING", "Pending"),
                                    ("SUBMITTING", "Submitting"),
                                    ("OPEN", "Open"),
                                    ("PARTIALLY_FILLED", "Partially filled"),
                                    ("FILLED", "Filled"),
                                    ("CANCELED", "Canceled"),
                                    ("EXPIRED", "Expired"),
                                    ("REJECTED", "Rejected"),
                                    ("DENIED", "Denied"),
                                    ("UNKNOWN", "Unknown"),
                                ],
                                max_length=16,
                            ),
                        ),
                        ("code", models.CharField(blank=True, max_length=40)),
                        ("submitted_at", models.DateTimeField(blank=True, null=True)),
                        ("happened_at", models.DateTimeField()),
                        ("recorded_at", models.DateTimeField()),
                        (
                            "order",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="events", to="trading.order"
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="SafetySwitch",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "scope",
                            models.CharField(
                                choices=[
                                    ("PLATFORM", "Platform"),
                                    ("VENUE", "Venue"),
                                    ("USER", "User"),
                                    ("PORTFOLIO", "Portfolio"),
                                    ("STRATEGY", "Strategy"),
                                    ("LEAD", "Lead"),
                                    ("FOLLOW", "Follow"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("scope_id", models.CharField(blank=True, max_length=64)),
                        (
                            "level",
                            models.CharField(
                                choices=[("ACTIVE", "Active"), ("REDUCING", "Reducing"), ("HALTED", "Halted")],
                                max_length=8,
                            ),
                        ),
                        ("reason", models.CharField(blank=True, max_length=200)),
                        ("set_at", models.DateTimeField()),
                        (
                            "set_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("code", models.CharField(blank=True, max_length=40)),
                        ("until", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "verbose_name_plural": "safety switches",
                        "constraints": [
                            models.UniqueConstraint(fields=("scope", "scope_id"), name="safety_switch_per_scope")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Trigger",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("namespace", models.SlugField(max_length=40)),
                        ("price", common.fields.AmountField()),
                        (
                            "state",
                            models.CharField(
                                choices=[("ARMED", "Armed"), ("FIRED", "Fired"), ("CANCELED", "Canceled")],
                                default="ARMED",
                                max_length=8,
                            ),
                        ),
                        ("change", models.PositiveBigIntegerField()),
                        ("armed_at", models.DateTimeField()),
                        ("fired_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "entry",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT, related_name="stop", to="trading.order"
                            ),
                        ),
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
                                related_name="triggers",
                                to="portfolios.portfolio",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("namespace", "change"), name="trigger_change_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RiskProfile",
                    fields=[
                        (
                            "portfolio",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="risk_profile",
                                serialize=False,
                                to="portfolios.portfolio",
                            ),
                        ),
                        (
                            "name",
                            models.CharField(
                                choices=[
                                    ("CONSERVATIVE", "Conservative"),
                                    ("BALANCED", "Balanced"),
                                    ("AGGRESSIVE", "Aggressive"),
                                    ("CUSTOM", "Custom"),
                                ],
                                max_length=12,
                            ),
                        ),
                        ("limits", models.JSONField(default=dict)),
                        ("changed_at", models.DateTimeField()),
                    ],
                ),
                migrations.CreateModel(
                    name="RiskState",
                    fields=[
                        (
                            "profile",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="state",
                                serialize=False,
                                to="trading.riskprofile",
                            ),
                        ),
                        ("day", models.DateField()),
                        ("day_equity", common.fields.AmountField()),
                        ("week_equity", common.fields.AmountField()),
                        ("peak_equity", common.fields.AmountField()),
                        ("net_deposits", common.fields.AmountField()),
                        ("trades", models.JSONField(default=list)),
                        ("settled", models.JSONField(default=dict)),
                    ],
                ),
                migrations.CreateModel(
                    name="RiskDecision",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("code", models.CharField(max_length=40)),
                        ("asked", common.fields.AmountField()),
                        ("allowed", common.fields.AmountField()),
                        ("value", common.fields.AmountField(null=True)),
                        ("limit", common.fields.AmountField(null=True)),
                        ("happened_at", models.DateTimeField()),
                        ("recorded_at", models.DateTimeField()),
                        (
                            "instrument",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="markets.instrument",
                            ),
                        ),
                        (
                            "order",
                            models.ForeignKey(
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="trading.order",
                            ),
                        ),
                        (
                            "portfolio",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="portfolios.portfolio",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["portfolio", "-id"], name="risk_decision_of_portfolio")],
                    },
                ),
                migrations.CreateModel(
                    name="ForeignFill",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("venue_fill_id", models.CharField(max_length=80)),
                        ("venue_order_id", models.CharField(blank=True, max_length=64)),
                        ("side", models.CharField(choices=[("BUY", "Buy"), ("SELL", "Sell")], max_length=4)),
                        ("quantity", common.fields.AmountField()),
                        ("price", common.fields.AmountField()),
                        ("fee", common.fields.AmountField()),
                        ("fee_asset", models.CharField(blank=True, max_length=40)),
                        ("happened_at", models.DateTimeField()),
                        ("recorded_at", models.DateTimeField()),
                        (
                            "account",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="foreign_fills",
                                to="portfolios.exchangeaccount",
                            ),
                        ),
                        (
                            "assigned_to",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="trading.order",
                            ),
                        ),
                        (
                            "instrument",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="markets.instrument",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("account", "venue_fill_id"), name="foreign_fill_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="OrderTemplate",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("name", models.CharField(max_length=60)),
                        ("side", models.CharField(choices=[("BUY", "Buy"), ("SELL", "Sell")], max_length=4)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("MARKET", "Market"),
                                    ("LIMIT", "Limit"),
                                    ("STOP", "Stop"),
                                    ("STOP_LIMIT", "Stop limit"),
                                    ("TAKE_PROFIT", "Take profit"),
                                    ("TAKE_PROFIT_LIMIT", "Take profit limit"),
                                    ("TRAILING_STOP", "Trailing stop"),
                                ],
                                default="MARKET",
                                max_length=17,
                            ),
                        ),
                        (
                            "time_in_force",
                            models.CharField(
                                choices=[
                                    ("GTC", "Until canceled"),
                                    ("IOC", "At once or not"),
                                    ("FOK", "All at once or not"),
                                    ("GTD", "Until a time"),
                                ],
                                default="GTC",
                                max_length=3,
                            ),
                        ),
                        ("amount", common.fields.AmountField()),
                        (
                            "unit",
                            models.CharField(
                                choices=[("BASE", "Coins"), ("QUOTE", "Money"), ("PERCENT", "% of free")],
                                default="BASE",
                                max_length=7,
                            ),
                        ),
                        ("limit_distance", models.DecimalField(blank=True, decimal_places=6, max_digits=9, null=True)),
                        (
                            "trigger_distance",
                            models.DecimalField(blank=True, decimal_places=6, max_digits=9, null=True),
                        ),
                        ("trail_bps", models.DecimalField(blank=True, decimal_places=4, max_digits=8, null=True)),
                        ("stop_distance", models.DecimalField(blank=True, decimal_places=6, max_digits=9, null=True)),
                        ("target_distance", models.DecimalField(blank=True, decimal_places=6, max_digits=9, null=True)),
                        ("reduce_only", models.BooleanField(default=False)),
                        ("post_only", models.BooleanField(default=False)),
                        ("created_at", models.DateTimeField()),
                        ("updated_at", models.DateTimeField()),
                        (
                            "instrument",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="markets.instrument",
                            ),
                        ),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="order_templates",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("owner", "name"), name="order_template_name_per_owner"),
                            models.CheckConstraint(
                                condition=models.Q(("amount__gt", Decimal("0"))), name="order_template_amount_positive"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("unit", "PERCENT"), _negated=True),
                                    ("amount__lte", Decimal("100")),
                                    _connector="OR",
                                ),
                                name="order_template_percent_at_most_all",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Plan",
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
                                    ("GRID", "Grid"),
                                    ("DCA", "DCA"),
                                    ("MARTINGALE", "Martingale"),
                                    ("TWAP", "TWAP"),
                                    ("ICEBERG", "Iceberg"),
                                    ("SCHEDULED", "Scheduled"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("key", models.CharField(max_length=64)),
                        ("settings", models.JSONField()),
                        ("memory", models.JSONField()),
                        ("withheld", models.JSONField(default=list)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("RUNNING", "Running"),
                                    ("PAUSED", "Paused"),
                                    ("DONE", "Done"),
                                    ("CANCELED", "Canceled"),
                                ],
                                default="RUNNING",
                                max_length=8,
                            ),
                        ),
                        ("state_code", models.CharField(blank=True, max_length=40)),
                        ("wishes_over", models.BooleanField(default=False)),
                        ("due_at", models.DateTimeField(blank=True, null=True)),
                        ("has_news", models.BooleanField(default=False)),
                        ("heard", models.PositiveBigIntegerField(default=0)),
                        ("change", models.PositiveBigIntegerField()),
                        ("held", common.fields.AmountField(default=Decimal("0"))),
                        ("cost", common.fields.AmountField(default=Decimal("0"))),
                        ("realized_pnl", common.fields.AmountField(default=Decimal("0"))),
                        ("fees_paid", common.fields.AmountField(default=Decimal("0"))),
                        ("most_cost", common.fields.AmountField()),
                        ("began_at", models.DateTimeField()),
                        ("ended_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "instrument",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="markets.instrument",
                            ),
                        ),
                        (
                            "portfolio",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="plans",
                                to="portfolios.portfolio",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["portfolio", "-id"], name="plan_of_portfolio")],
                        "constraints": [
                            models.UniqueConstraint(fields=("portfolio", "key"), name="plan_key_once"),
                            models.UniqueConstraint(fields=("namespace", "change"), name="plan_change_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("ended_at__isnull", True), ("state__in", ["RUNNING", "PAUSED"])),
                                    models.Q(("ended_at__isnull", False), ("state__in", ["DONE", "CANCELED"])),
                                    _connector="OR",
                                ),
                                name="plan_ended_with_time",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="HighWaterMark",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("loss", common.fields.AmountField(default=Decimal("0"))),
                        ("equity", common.fields.AmountField(default=Decimal("0"))),
                        ("stopped_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "follower",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "lead",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="portfolios.portfolio"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("follower", "lead"), name="high_water_mark_per_lead"),
                            models.CheckConstraint(
                                condition=models.Q(("loss__gte", Decimal("0"))), name="high_water_mark_loss_positive"
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ProfitShareAccount",
                    fields=[
                        (
                            "follow",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="profit_share",
                                serialize=False,
                                to="trading.follow",
                            ),
                        ),
                        ("ratio", models.DecimalField(decimal_places=4, max_digits=5)),
                        ("high", common.fields.AmountField(default=Decimal("0"))),
                        ("net_deposits", common.fields.AmountField(default=Decimal("0"))),
                        ("settles_at", models.DateTimeField()),
                        ("last_number", models.PositiveIntegerField(default=0)),
                        ("is_lead_gone", models.BooleanField(default=False)),
                        ("is_open", models.BooleanField(default=True)),
                        (
                            "mark",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="accounts",
                                to="trading.highwatermark",
                            ),
                        ),
                        ("next_ratio", models.DecimalField(blank=True, decimal_places=4, max_digits=5, null=True)),
                        ("next_ratio_at", models.DateTimeField(blank=True, null=True)),
                    ],
                    options={
                        "indexes": [models.Index(fields=["is_open", "settles_at"], name="profit_share_due")],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("ratio__gte", Decimal("0")), ("ratio__lte", Decimal("0.3"))),
                                name="profit_share_ratio_range",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("next_ratio", None), ("next_ratio_at", None)),
                                    models.Q(
                                        ("next_ratio__gte", Decimal("0")),
                                        ("next_ratio__lte", Decimal("0.3")),
                                        ("next_ratio_at__isnull", False),
                                    ),
                                    _connector="OR",
                                ),
                                name="profit_share_next_ratio_range",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ProfitShareSettlement",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("number", models.PositiveIntegerField()),
                        (
                            "cause",
                            models.CharField(
                                choices=[
                                    ("WEEK", "End of the week"),
                                    ("WITHDRAWAL", "Money taken out"),
                                    ("STOP", "End of the follow"),
                                    ("LEAD_EXIT", "The lead left"),
                                    ("SHARE", "Another share from here on"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("key", models.CharField(max_length=40)),
                        ("realized_pnl", common.fields.AmountField()),
                        ("unrealized_pnl", common.fields.AmountField()),
                        ("fees", common.fields.AmountField()),
                        ("funding", common.fields.AmountField(default=Decimal("0"))),
                        ("profit", common.fields.AmountField()),
                        ("high_before", common.fields.AmountField()),
                        ("high_after", common.fields.AmountField()),
                        ("ratio", models.DecimalField(decimal_places=4, max_digits=5)),
                        ("due", common.fields.AmountField()),
                        ("platform_fee", common.fields.AmountField()),
                        ("equity", common.fields.AmountField()),
                        ("withdrawn", common.fields.AmountField(default=Decimal("0"))),
                        ("is_hypothetical", models.BooleanField()),
                        ("settled_at", models.DateTimeField()),
                        ("recorded_at", models.DateTimeField()),
                        (
                            "account",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="settlements",
                                to="trading.profitshareaccount",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("account", "number"), name="settlement_number_per_follow"),
                            models.UniqueConstraint(fields=("account", "key"), name="settlement_once"),
                            models.CheckConstraint(
                                condition=models.Q(("due__gte", Decimal("0")), ("high_after__gte", models.F("profit"))),
                                name="settlement_adds_up",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="FollowGuard",
                    fields=[
                        (
                            "follow",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="guard",
                                serialize=False,
                                to="trading.follow",
                            ),
                        ),
                        ("daily_loss", models.DecimalField(blank=True, decimal_places=4, max_digits=5, null=True)),
                        ("stop", models.DecimalField(blank=True, decimal_places=4, max_digits=5, null=True)),
                        (
                            "kind",
                            models.CharField(choices=[("FIXED", "Fixed"), ("TRAILING", "Trailing")], max_length=8),
                        ),
                        ("day", models.DateField()),
                        ("day_equity", common.fields.AmountField()),
                        ("capital", common.fields.AmountField()),
                        ("peak", common.fields.AmountField()),
                        ("net_deposits", common.fields.AmountField()),
                    ],
                ),
                migrations.CreateModel(
                    name="WaitingFollow",
                    fields=[
                        (
                            "follow",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="place",
                                serialize=False,
                                to="trading.follow",
                            ),
                        ),
                        ("amount", common.fields.AmountField()),
                        (
                            "start",
                            models.CharField(
                                choices=[
                                    ("NEW_ONLY", "Copy new trades only"),
                                    ("ADOPT_ALL", "Buy now what the lead holds"),
                                    ("ADOPT_NO_WORSE", "Buy now what costs no more than the lead paid"),
                                ],
                                default="NEW_ONLY",
                                max_length=14,
                            ),
                        ),
                        ("profit_share", models.DecimalField(blank=True, decimal_places=4, max_digits=5, null=True)),
                        (
                            "source",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="portfolios.portfolio"
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="SignalSource",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("name", models.CharField(max_length=60)),
                        ("version", models.PositiveIntegerField(default=1)),
                        ("is_on", models.BooleanField(default=True)),
                        ("created_at", models.DateTimeField()),
                        ("last_heard_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "portfolio",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="signal_sources",
                                to="portfolios.portfolio",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("portfolio", "name"), name="signal_source_name_per_portfolio"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Signal",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("key", models.CharField(max_length=64)),
                        (
                            "action",
                            models.CharField(
                                choices=[("BUY", "Buy"), ("SELL", "Sell"), ("CLOSE", "Close")], max_length=5
                            ),
                        ),
                        ("quantity", common.fields.AmountField(blank=True, null=True)),
                        ("equity_share", common.fields.AmountField(blank=True, null=True)),
                        ("heard_at", models.DateTimeField()),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.instrument"
                            ),
                        ),
                        (
                            "order",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="trading.order",
                            ),
                        ),
                        (
                            "source",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="signals",
                                to="trading.signalsource",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("source", "key"), name="signal_once_per_source")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="FollowConsent",
                    fields=[
                        (
                            "follow",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="consent",
                                serialize=False,
                                to="trading.follow",
                            ),
                        ),
                        ("version", models.CharField(max_length=20)),
                        ("accepted_at", models.DateTimeField()),
                    ],
                ),
                migrations.CreateModel(
                    name="FollowProtection",
                    fields=[
                        (
                            "follow",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="protection",
                                serialize=False,
                                to="trading.follow",
                            ),
                        ),
                        ("share", models.DecimalField(decimal_places=4, max_digits=5)),
                    ],
                ),
                migrations.CreateModel(
                    name="OrderApproval",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("side", models.CharField(max_length=4)),
                        ("quantity", common.fields.AmountField()),
                        ("value", common.fields.AmountField()),
                        ("legs", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder)),
                        ("key", models.CharField(max_length=64)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("WAITING", "Waiting"),
                                    ("APPROVED", "Approved"),
                                    ("REJECTED", "Rejected"),
                                    ("EXPIRED", "Expired"),
                                    ("WITHDRAWN", "Withdrawn"),
                                ],
                                default="WAITING",
                                max_length=10,
                            ),
                        ),
                        ("requested_role", models.CharField(blank=True, max_length=40)),
                        ("requested_at", models.DateTimeField()),
                        ("expires_at", models.DateTimeField()),
                        ("decided_role", models.CharField(blank=True, max_length=40)),
                        ("decided_at", models.DateTimeField(null=True)),
                        (
                            "decided_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
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
                                related_name="approvals",
                                to="portfolios.portfolio",
                            ),
                        ),
                        (
                            "requested_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(fields=["portfolio", "-id"], name="approvals_by_portfolio"),
                            models.Index(
                                condition=models.Q(("state", "WAITING")),
                                fields=["expires_at"],
                                name="approvals_by_expiry",
                            ),
                        ],
                        "constraints": [models.UniqueConstraint(fields=("portfolio", "key"), name="approval_per_key")],
                    },
                ),
            ],
        ),
    ]
