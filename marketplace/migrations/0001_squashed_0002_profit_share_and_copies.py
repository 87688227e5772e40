"""All of this app's migrations up to 0002 at once: an empty database is made in a fraction of the time."""

import common.fields
import common.ids
import common.schema
import django.db.models.deletion
import marketplace.models
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [("marketplace", "0001_initial"), ("marketplace", "0002_profit_share_and_copies")]

    initial = True

    dependencies = [
        ("accounts", "0005_limits_of_exchange_accounts"),
        ("portfolios", "0007_accounts_on_margin"),
    ]

    operations = [
        common.schema.CreateModels(
            operations=[
                migrations.CreateModel(
                    name="Listing",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("title", models.CharField(max_length=80)),
                        ("description", models.TextField(blank=True, max_length=4000)),
                        (
                            "state",
                            models.CharField(
                                choices=[("PUBLISHED", "Published"), ("WITHDRAWN", "Withdrawn")],
                                default="PUBLISHED",
                                max_length=9,
                            ),
                        ),
                        (
                            "profit_share_ratio",
                            models.DecimalField(decimal_places=4, default=Decimal("0.1"), max_digits=5),
                        ),
                        ("published_at", models.DateTimeField()),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="listings",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "portfolio",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="listing",
                                to="portfolios.portfolio",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["state", "-id"], name="listing_newest")],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("profit_share_ratio__gte", Decimal("0")),
                                    ("profit_share_ratio__lte", Decimal("0.3")),
                                ),
                                name="listing_profit_share_range",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CopyRecord",
                    fields=[
                        (
                            "listing",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="copies",
                                serialize=False,
                                to="marketplace.listing",
                            ),
                        ),
                        ("daily_return_ratio", models.FloatField(null=True)),
                        ("money_weighted_ratio", models.FloatField(null=True)),
                        ("max_drawdown_ratio", models.FloatField(default=0.0)),
                        ("hour_unit_value", models.FloatField(default=1.0)),
                        ("hour_peak", models.FloatField(default=1.0)),
                        ("hour_equity", common.fields.AmountField(default=Decimal("0"))),
                        ("hour_net_deposits", common.fields.AmountField(default=Decimal("0"))),
                        ("hour_as_of", models.DateTimeField(null=True)),
                        ("followers_as_of", models.DateTimeField(null=True)),
                        ("follower_return_ratio", models.FloatField(null=True)),
                        ("copies_wished", models.PositiveBigIntegerField(default=0)),
                        ("copies_traded", models.PositiveBigIntegerField(default=0)),
                        ("sent_after", models.JSONField(default=marketplace.models.no_counts)),
                        ("last_event", models.PositiveBigIntegerField(default=0)),
                    ],
                    options={
                        "indexes": [models.Index(fields=["-follower_return_ratio"], name="copy_record_rank")],
                    },
                ),
                migrations.CreateModel(
                    name="TrackRecord",
                    fields=[
                        (
                            "listing",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="record",
                                serialize=False,
                                to="marketplace.listing",
                            ),
                        ),
                        ("as_of", models.DateTimeField(blank=True, null=True)),
                        ("equity", common.fields.AmountField(default=Decimal("0"))),
                        ("net_deposits", common.fields.AmountField(default=Decimal("0"))),
                        ("unit_value", models.FloatField(default=1.0)),
                        ("peak", models.FloatField(default=1.0)),
                        ("max_drawdown_ratio", models.FloatField(default=0.0)),
                        ("copied_capital", common.fields.AmountField(default=Decimal("0"))),
                    ],
                    options={
                        "indexes": [models.Index(fields=["-unit_value"], name="track_record_rank")],
                    },
                ),
            ],
        ),
    ]
