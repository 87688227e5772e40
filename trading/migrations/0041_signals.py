"""Signals from outside: their sources, and every one that was heard."""

import common.fields
import common.ids
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("markets", "0006_backfills"),
        ("portfolios", "0005_paper_costs"),
        ("trading", "0040_follow_life"),
    ]

    operations = [
        migrations.AlterField(
            model_name="order",
            name="cause_kind",
            field=models.CharField(
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
                ],
                max_length=14,
            ),
        ),
        migrations.CreateModel(
            name="SignalSource",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
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
        ),
        migrations.CreateModel(
            name="Signal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=64)),
                (
                    "action",
                    models.CharField(choices=[("BUY", "Buy"), ("SELL", "Sell"), ("CLOSE", "Close")], max_length=5),
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
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.order"
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
        ),
        migrations.AddConstraint(
            model_name="signalsource",
            constraint=models.UniqueConstraint(fields=("portfolio", "name"), name="signal_source_name_per_portfolio"),
        ),
        migrations.AddConstraint(
            model_name="signal",
            constraint=models.UniqueConstraint(fields=("source", "key"), name="signal_once_per_source"),
        ),
    ]
