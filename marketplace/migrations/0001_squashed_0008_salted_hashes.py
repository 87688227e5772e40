"""All of this app's migrations up to 0008 at once: an empty database is made in a fraction of the time."""

import common.fields
import common.ids
import common.schema
import django.db.models.deletion
import marketplace.models
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

from marketplace.migrations._full_text import add_full_text


class Migration(migrations.Migration):
    replaces = [
        ("marketplace", "0001_initial"),
        ("marketplace", "0002_profit_share_and_copies"),
        ("marketplace", "0003_offers"),
        ("marketplace", "0004_proofs"),
        ("marketplace", "0005_search_and_reviews"),
        ("marketplace", "0006_billing"),
        ("marketplace", "0007_promotions_and_cards"),
        ("marketplace", "0008_salted_hashes"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0012_privacy"),
        ("markets", "0006_backfills"),
        ("portfolios", "0008_teams"),
        ("strategies", "0006_grants"),
        ("trading", "0046_approvals"),
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
                                choices=[
                                    ("DRAFT", "Draft"),
                                    ("SUBMITTED", "Submitted"),
                                    ("PUBLISHED", "Published"),
                                    ("REFUSED", "Refused"),
                                    ("WITHDRAWN", "Withdrawn"),
                                ],
                                default="DRAFT",
                                max_length=9,
                            ),
                        ),
                        ("published_at", models.DateTimeField(blank=True, null=True)),
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
                        (
                            "profit_share_ratio",
                            models.DecimalField(decimal_places=4, default=Decimal("0.1"), max_digits=5),
                        ),
                        ("conflicts", models.TextField(blank=True, max_length=600)),
                        ("has_own_money", models.BooleanField(blank=True, null=True)),
                        (
                            "offer",
                            models.CharField(
                                choices=[
                                    ("PORTFOLIO", "Follow this portfolio"),
                                    ("STRATEGY", "Follow this portfolio, on which a named strategy runs"),
                                    ("DEFINITION", "Use the strategy on one's own portfolio"),
                                ],
                                default="PORTFOLIO",
                                max_length=10,
                            ),
                        ),
                        ("risks", models.TextField(blank=True, max_length=600)),
                        (
                            "source",
                            models.CharField(
                                choices=[("VISIBLE", "Visible"), ("SEALED", "Sealed")], default="SEALED", max_length=7
                            ),
                        ),
                        ("suggested_minimum", common.fields.AmountField(blank=True, null=True)),
                        ("summary", models.CharField(blank=True, max_length=160)),
                        (
                            "version",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="strategies.strategyversion",
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
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("offer", "PORTFOLIO"), ("version", None)),
                                    models.Q(("offer__in", ["STRATEGY", "DEFINITION"]), ("version__isnull", False)),
                                    _connector="OR",
                                ),
                                name="listing_offer_names_version",
                            ),
                        ],
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
                    name="ListingFacts",
                    fields=[
                        (
                            "listing",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="facts",
                                serialize=False,
                                to="marketplace.listing",
                            ),
                        ),
                        ("first_fill_at", models.DateTimeField(null=True)),
                        ("closed_trades", models.PositiveIntegerField(default=0)),
                        ("record_days", models.PositiveIntegerField(default=0)),
                        ("is_proven", models.BooleanField(default=False)),
                        ("signals_wished", models.PositiveIntegerField(default=0)),
                        ("signals_executed", models.PositiveIntegerField(default=0)),
                        ("risk_class", models.PositiveSmallIntegerField(null=True)),
                        ("risk_figures", models.JSONField(default=dict)),
                        ("smallest_capital", common.fields.AmountField(null=True)),
                        ("refreshed_at", models.DateTimeField(null=True)),
                        ("instruments", models.ManyToManyField(related_name="+", to="markets.instrument")),
                    ],
                    options={
                        "indexes": [models.Index(fields=["risk_class"], name="listing_by_risk_class")],
                    },
                ),
                migrations.CreateModel(
                    name="ListingPicture",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("digest", models.CharField(max_length=64)),
                        ("data", models.BinaryField()),
                        ("width", models.PositiveIntegerField()),
                        ("height", models.PositiveIntegerField()),
                        ("is_public", models.BooleanField(default=False)),
                        ("words", models.CharField(blank=True, max_length=120)),
                        ("added_at", models.DateTimeField()),
                        (
                            "listing",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="pictures",
                                to="marketplace.listing",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["listing", "id"],
                        "constraints": [
                            models.UniqueConstraint(fields=("listing", "digest"), name="listing_picture_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ListingTag",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("name", models.CharField(max_length=24)),
                        (
                            "listing",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="tags",
                                to="marketplace.listing",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["listing", "name"],
                        "indexes": [models.Index(fields=["name", "listing"], name="listing_by_tag")],
                        "constraints": [models.UniqueConstraint(fields=("listing", "name"), name="listing_tag_once")],
                    },
                ),
                migrations.CreateModel(
                    name="ListingVersion",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("number", models.PositiveIntegerField()),
                        ("content", models.JSONField()),
                        ("changes", models.CharField(blank=True, max_length=300)),
                        ("effects", models.JSONField(default=list)),
                        ("findings", models.JSONField(blank=True, default=dict)),
                        ("published_at", models.DateTimeField()),
                        (
                            "listing",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="versions",
                                to="marketplace.listing",
                            ),
                        ),
                        (
                            "strategy_version",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="strategies.strategyversion",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("listing", "number"), name="listing_version_number")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ShareRaise",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("before", models.DecimalField(decimal_places=4, max_digits=5)),
                        ("after", models.DecimalField(decimal_places=4, max_digits=5)),
                        ("announced_at", models.DateTimeField()),
                        ("effective_at", models.DateTimeField()),
                        ("is_off", models.BooleanField(default=False)),
                        (
                            "listing",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="raises",
                                to="marketplace.listing",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("after__gt", models.F("before"))), name="share_raise_raises"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Submission",
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
                        ("content", models.JSONField()),
                        ("changes", models.CharField(blank=True, max_length=300)),
                        (
                            "outcome",
                            models.CharField(
                                choices=[
                                    ("CHECKING", "Being checked"),
                                    ("IN_REVIEW", "Waiting for an operator"),
                                    ("PUBLISHED", "Published"),
                                    ("REFUSED", "Refused"),
                                    ("OVERTAKEN", "Overtaken"),
                                ],
                                default="CHECKING",
                                max_length=9,
                            ),
                        ),
                        ("refusal_code", models.CharField(blank=True, max_length=60)),
                        ("refusal", models.TextField(blank=True)),
                        ("findings", models.JSONField(blank=True, default=dict)),
                        ("submitted_at", models.DateTimeField()),
                        ("decided_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "listing",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="submissions",
                                to="marketplace.listing",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state__in", ["QUEUED", "RUNNING"])),
                                fields=["claimed_until"],
                                name="submission_to_check",
                            ),
                            models.Index(fields=["outcome", "submitted_at"], name="submission_queue"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("outcome__in", ["CHECKING", "IN_REVIEW"])),
                                fields=("listing",),
                                name="one_open_submission",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RecordKey",
                    fields=[
                        ("id", models.CharField(max_length=16, primary_key=True, serialize=False)),
                        ("public", models.CharField(max_length=64)),
                        ("first_used_at", models.DateTimeField()),
                    ],
                ),
                migrations.CreateModel(
                    name="SealedBook",
                    fields=[
                        (
                            "portfolio",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="sealed_book",
                                serialize=False,
                                to="portfolios.portfolio",
                            ),
                        ),
                        ("number", models.PositiveBigIntegerField(default=0)),
                        ("link", models.CharField(max_length=64)),
                    ],
                ),
                migrations.CreateModel(
                    name="PublishedBacktest",
                    fields=[
                        (
                            "listing",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT,
                                primary_key=True,
                                related_name="published_backtest",
                                serialize=False,
                                to="marketplace.listing",
                            ),
                        ),
                        ("spec", models.JSONField()),
                        ("spec_hash", models.CharField(max_length=64)),
                        ("manifest", models.JSONField()),
                        ("trades_hash", models.CharField(max_length=64)),
                        ("summary", models.JSONField()),
                        ("published_at", models.DateTimeField()),
                        (
                            "backtest",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.SET_NULL,
                                related_name="+",
                                to="strategies.backtest",
                            ),
                        ),
                        ("salt", models.CharField(blank=True, max_length=64)),
                    ],
                ),
                migrations.CreateModel(
                    name="RecordRoot",
                    fields=[
                        ("number", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                        ("previous", models.CharField(max_length=64)),
                        ("size", models.PositiveIntegerField()),
                        ("root", models.CharField(max_length=64)),
                        ("at", models.DateTimeField()),
                        ("signature", models.CharField(max_length=128)),
                        (
                            "key",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="roots",
                                to="marketplace.recordkey",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="DriftDay",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("day", models.DateField()),
                        ("wished", models.PositiveIntegerField()),
                        ("matched", models.PositiveIntegerField()),
                        ("missed", models.PositiveIntegerField()),
                        ("extra", models.PositiveIntegerField()),
                        ("mispriced_bps", models.FloatField(null=True)),
                        ("worst_bps", models.FloatField(null=True)),
                        ("code", models.CharField(blank=True, max_length=40)),
                        ("compared_at", models.DateTimeField()),
                        (
                            "run",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="drift_days",
                                to="strategies.strategyrun",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [models.UniqueConstraint(fields=("run", "day"), name="one_drift_per_day")],
                    },
                ),
                migrations.CreateModel(
                    name="Reproduction",
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
                        ("spec_hash", models.CharField(max_length=64)),
                        ("expected_hash", models.CharField(max_length=64)),
                        ("trades_hash", models.CharField(blank=True, max_length=64)),
                        ("summary", models.JSONField(blank=True, default=dict)),
                        ("asked_at", models.DateTimeField()),
                        (
                            "published",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reproductions",
                                to="marketplace.publishedbacktest",
                            ),
                        ),
                        (
                            "reader",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state__in", ["QUEUED", "RUNNING"])),
                                fields=["claimed_until"],
                                name="reproduction_to_do",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state__in", ["QUEUED", "RUNNING"])),
                                fields=("reader",),
                                name="one_reproduction_at_a_time",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Seal",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("first", models.PositiveBigIntegerField()),
                        ("last", models.PositiveBigIntegerField()),
                        ("previous_link", models.CharField(max_length=64)),
                        ("link", models.CharField(max_length=64)),
                        ("leaves", models.BinaryField()),
                        ("sealed_at", models.DateTimeField()),
                        ("place", models.PositiveIntegerField(default=0)),
                        ("path", models.BinaryField(default=b"")),
                        (
                            "portfolio",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="seals",
                                to="portfolios.portfolio",
                            ),
                        ),
                        (
                            "root",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="seals",
                                to="marketplace.recordroot",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(condition=models.Q(("root", None)), fields=["id"], name="seals_without_root")
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("portfolio", "first"), name="seal_begins_once"),
                            models.CheckConstraint(
                                condition=models.Q(("first__gte", 1), ("last__gte", models.F("first"))),
                                name="seal_holds_fills",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ListingIndex",
                    fields=[
                        ("id", models.AutoField(primary_key=True, serialize=False)),
                        ("change", models.PositiveBigIntegerField(default=0)),
                        ("is_listed", models.BooleanField()),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("PAPER", "Paper"),
                                    ("SIMULATED", "Simulated"),
                                    ("SANDBOX", "Sandbox"),
                                    ("LIVE", "Live"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("timeframe", models.CharField(blank=True, max_length=4)),
                        ("risk_class", models.CharField(default="UNPROVEN", max_length=20)),
                        ("markets", models.JSONField(default=list)),
                        ("age_days", models.PositiveIntegerField(default=0)),
                        ("return_ratio", models.FloatField(default=0.0)),
                        ("max_drawdown_ratio", models.FloatField(default=0.0)),
                        ("monthly_price", models.FloatField(default=0.0)),
                        ("capacity_left", models.FloatField(default=0.0)),
                        ("follower_return_ratio", models.FloatField(null=True)),
                        ("follower_count", models.PositiveIntegerField(default=0)),
                        ("place", models.PositiveIntegerField(null=True)),
                        (
                            "exclusion",
                            models.CharField(
                                blank=True,
                                choices=[
                                    (
                                        "HEDGED",
                                        "Its returns are the opposite of another account's of the same household",
                                    ),
                                    (
                                        "MIRRORED",
                                        "Its fills are the opposite of another account's of the same household",
                                    ),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("rating_mean", models.FloatField(null=True)),
                        ("rating_count", models.PositiveIntegerField(default=0)),
                        ("published_at", models.DateTimeField()),
                        (
                            "listing",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="index",
                                to="marketplace.listing",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["change"], name="listing_index_changes"),
                            models.Index(fields=["kind", "is_listed", "place"], name="listing_index_places"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ListingRating",
                    fields=[
                        (
                            "listing",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="rating",
                                serialize=False,
                                to="marketplace.listing",
                            ),
                        ),
                        ("count", models.PositiveIntegerField(default=0)),
                        ("total", models.PositiveIntegerField(default=0)),
                    ],
                ),
                migrations.CreateModel(
                    name="SearchBook",
                    fields=[
                        ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                        ("epoch", models.UUIDField(default=common.ids.new_id)),
                        ("last_change", models.PositiveBigIntegerField(default=0)),
                    ],
                ),
                migrations.CreateModel(
                    name="SearchWord",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("word", models.CharField(max_length=80, unique=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="ListingWords",
                    fields=[
                        (
                            "index",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="words",
                                serialize=False,
                                to="marketplace.listingindex",
                            ),
                        ),
                        ("title", models.TextField()),
                        ("handle", models.TextField()),
                        ("tags", models.TextField(blank=True)),
                        ("description", models.TextField(blank=True)),
                    ],
                ),
                migrations.CreateModel(
                    name="Review",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("stars", models.PositiveSmallIntegerField()),
                        ("text", models.TextField(blank=True, max_length=2000)),
                        ("result_ratio", models.FloatField(null=True)),
                        ("followed_days", models.PositiveIntegerField()),
                        ("is_former", models.BooleanField(default=False)),
                        ("answer", models.TextField(blank=True, max_length=2000)),
                        ("answered_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "state",
                            models.CharField(
                                choices=[("SHOWN", "Shown"), ("HIDDEN", "Hidden")], default="SHOWN", max_length=6
                            ),
                        ),
                        ("hidden_reason", models.CharField(blank=True, max_length=200)),
                        ("flags", models.JSONField(blank=True, default=list)),
                        ("created_at", models.DateTimeField()),
                        ("edited_at", models.DateTimeField(blank=True, null=True)),
                        (
                            "author",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reviews",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "follow",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.PROTECT, related_name="review", to="trading.follow"
                            ),
                        ),
                        (
                            "listing",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="reviews",
                                to="marketplace.listing",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["listing", "state", "-created_at"], name="review_newest")],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("stars__gte", 1), ("stars__lte", 5)), name="review_stars_range"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ReviewReport",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "reason",
                            models.CharField(
                                choices=[
                                    ("SPAM", "Advertising or spam"),
                                    ("ABUSE", "Insulting or threatening"),
                                    ("PRIVATE", "Somebody's private data"),
                                    ("FALSE", "Not about this listing"),
                                ],
                                max_length=7,
                            ),
                        ),
                        ("is_open", models.BooleanField(default=True)),
                        ("created_at", models.DateTimeField()),
                        (
                            "reporter",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "review",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="reports",
                                to="marketplace.review",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("review", "reporter"), name="review_report_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ReviewVersion",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("is_answer", models.BooleanField(default=False)),
                        ("stars", models.PositiveSmallIntegerField(null=True)),
                        ("text", models.TextField(blank=True)),
                        ("replaced_at", models.DateTimeField()),
                        (
                            "review",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="versions",
                                to="marketplace.review",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="SavedSearch",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("name", models.CharField(max_length=60)),
                        ("query", models.CharField(blank=True, max_length=1000)),
                        ("created_at", models.DateTimeField()),
                        ("seen_until", models.DateTimeField()),
                        ("due_at", models.DateTimeField()),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="saved_searches",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["due_at"], name="saved_search_due")],
                        "constraints": [
                            models.UniqueConstraint(fields=("owner", "name"), name="saved_search_name_per_owner")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SimilarListing",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("place", models.PositiveSmallIntegerField()),
                        ("correlation", models.FloatField()),
                        ("days", models.PositiveSmallIntegerField()),
                        (
                            "listing",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="similar",
                                to="marketplace.listing",
                            ),
                        ),
                        (
                            "other",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="marketplace.listing"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("listing", "place"), name="similar_listing_place")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Invoice",
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
                                choices=[("SUBSCRIPTION", "Subscription"), ("PROFIT_SHARE", "Profit share")],
                                max_length=12,
                            ),
                        ),
                        ("mode", models.CharField(choices=[("TEST", "Test"), ("LIVE", "Live")], max_length=4)),
                        ("processor_id", models.CharField(max_length=255, unique=True)),
                        ("number", models.CharField(blank=True, max_length=60)),
                        ("status", models.CharField(max_length=20)),
                        ("currency", models.CharField(max_length=3)),
                        ("total_minor", models.BigIntegerField()),
                        ("paid_minor", models.BigIntegerField(default=0)),
                        ("tax_minor", models.BigIntegerField(default=0)),
                        ("refunded_minor", models.BigIntegerField(default=0)),
                        ("payment_id", models.CharField(blank=True, max_length=255)),
                        ("hosted_url", models.URLField(blank=True, max_length=2000)),
                        ("pdf_url", models.URLField(blank=True, max_length=2000)),
                        ("created_at", models.DateTimeField()),
                        ("paid_at", models.DateTimeField(null=True)),
                        ("fetched_at", models.DateTimeField()),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "seller",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="invoices",
                                to="marketplace.seller",
                            ),
                        ),
                        (
                            "subscription",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="invoices",
                                to="marketplace.subscription",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["user", "-created_at"], name="invoice_of_user"),
                            models.Index(fields=["seller", "-created_at"], name="invoice_of_seller"),
                            models.Index(fields=["payment_id"], name="invoice_payment"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Dispute",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("processor_id", models.CharField(max_length=255, unique=True)),
                        ("status", models.CharField(max_length=40)),
                        ("reason", models.CharField(blank=True, max_length=60)),
                        ("amount_minor", models.BigIntegerField()),
                        ("opened_at", models.DateTimeField()),
                        ("fetched_at", models.DateTimeField()),
                        (
                            "invoice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="disputes",
                                to="marketplace.invoice",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Price",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("subject", models.CharField(max_length=50)),
                        (
                            "interval",
                            models.CharField(choices=[("month", "Monthly"), ("year", "Yearly")], max_length=5),
                        ),
                        ("currency", models.CharField(max_length=3)),
                        ("amount_minor", models.PositiveBigIntegerField()),
                        ("trial_days", models.PositiveSmallIntegerField(default=0)),
                        ("mode", models.CharField(choices=[("TEST", "Test"), ("LIVE", "Live")], max_length=4)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("PENDING", "Being set up"),
                                    ("LIVE", "On sale"),
                                    ("FAILED", "Refused by the processor"),
                                    ("RETIRED", "No longer sold"),
                                ],
                                default="PENDING",
                                max_length=7,
                            ),
                        ),
                        ("problem", models.CharField(blank=True, max_length=300)),
                        ("product_id", models.CharField(blank=True, max_length=255)),
                        ("processor_id", models.CharField(blank=True, max_length=255)),
                        ("due_at", models.DateTimeField()),
                        ("created_at", models.DateTimeField()),
                        (
                            "listing",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="prices",
                                to="marketplace.listing",
                            ),
                        ),
                        (
                            "plan",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="accounts.plan",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "RETIRED"), _negated=True),
                                fields=("subject", "interval", "mode"),
                                name="one_price_per_interval",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("processor_id", ""), _negated=True),
                                fields=("processor_id",),
                                name="price_once",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("trial_days__lte", 30)), name="price_trial_range"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("listing", None), ("plan__isnull", False)),
                                    models.Q(("listing__isnull", False), ("plan", None)),
                                    _connector="OR",
                                ),
                                name="price_of_one_thing",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Checkout",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("subject", models.CharField(max_length=50)),
                        ("mode", models.CharField(choices=[("TEST", "Test"), ("LIVE", "Live")], max_length=4)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("PENDING", "Being prepared"),
                                    ("OPEN", "Waiting for payment"),
                                    ("COMPLETE", "Paid"),
                                    ("EXPIRED", "Expired"),
                                    ("FAILED", "Refused"),
                                ],
                                default="PENDING",
                                max_length=8,
                            ),
                        ),
                        ("problem", models.CharField(blank=True, max_length=300)),
                        ("processor_id", models.CharField(blank=True, max_length=255)),
                        ("url", models.URLField(blank=True, max_length=2000)),
                        ("has_trial", models.BooleanField(default=False)),
                        ("expires_at", models.DateTimeField()),
                        ("due_at", models.DateTimeField()),
                        ("created_at", models.DateTimeField()),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "price",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="marketplace.price"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state__in", ["PENDING", "OPEN"])),
                                fields=("user", "subject", "mode"),
                                name="one_open_checkout_per_subject",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("processor_id", ""), _negated=True),
                                fields=("processor_id",),
                                name="checkout_once",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ProcessorEvent",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("event_id", models.CharField(max_length=255, unique=True)),
                        ("kind", models.CharField(max_length=100)),
                        ("object_id", models.CharField(max_length=255)),
                        ("account_id", models.CharField(blank=True, max_length=255)),
                        ("mode", models.CharField(choices=[("TEST", "Test"), ("LIVE", "Live")], max_length=4)),
                        ("happened_at", models.DateTimeField()),
                        ("received_at", models.DateTimeField()),
                        ("is_done", models.BooleanField(default=False)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("problem", models.CharField(blank=True, max_length=300)),
                        ("due_at", models.DateTimeField()),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("is_done", False)),
                                fields=["due_at"],
                                name="processor_event_waiting",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Refund",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("amount_minor", models.PositiveBigIntegerField()),
                        ("ends_right", models.BooleanField(default=False)),
                        (
                            "state",
                            models.CharField(
                                choices=[("PENDING", "Under way"), ("DONE", "Done"), ("FAILED", "Refused")],
                                default="PENDING",
                                max_length=7,
                            ),
                        ),
                        ("problem", models.CharField(blank=True, max_length=300)),
                        ("processor_id", models.CharField(blank=True, max_length=255)),
                        ("due_at", models.DateTimeField()),
                        ("created_at", models.DateTimeField()),
                        (
                            "asked_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "invoice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="refunds",
                                to="marketplace.invoice",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "PENDING")),
                                fields=("invoice",),
                                name="one_refund_of_an_invoice_at_a_time",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Seller",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("mode", models.CharField(choices=[("TEST", "Test"), ("LIVE", "Live")], max_length=4)),
                        ("processor_id", models.CharField(blank=True, max_length=255)),
                        ("charges_enabled", models.BooleanField(default=False)),
                        ("payouts_enabled", models.BooleanField(default=False)),
                        ("details_submitted", models.BooleanField(default=False)),
                        ("requirements", models.JSONField(default=list)),
                        ("is_held", models.BooleanField(default=False)),
                        ("hold_reason", models.CharField(blank=True, max_length=200)),
                        ("is_held_there", models.BooleanField(default=False)),
                        ("created_at", models.DateTimeField()),
                        ("fetched_at", models.DateTimeField()),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("user", "mode"), name="seller_per_mode"),
                            models.UniqueConstraint(
                                condition=models.Q(("processor_id", ""), _negated=True),
                                fields=("processor_id",),
                                name="seller_once",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Payout",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("processor_id", models.CharField(max_length=255, unique=True)),
                        ("status", models.CharField(max_length=20)),
                        ("currency", models.CharField(max_length=3)),
                        ("amount_minor", models.BigIntegerField()),
                        ("arrives_at", models.DateTimeField()),
                        ("created_at", models.DateTimeField()),
                        ("fetched_at", models.DateTimeField()),
                        (
                            "seller",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="payouts",
                                to="marketplace.seller",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="MoneyLine",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("booking", models.CharField(max_length=255)),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("CHARGE", "Charge"),
                                    ("REFUND", "Refund"),
                                    ("DISPUTE", "Dispute"),
                                    ("TRANSFER", "Transfer"),
                                    ("PAYOUT", "Payout"),
                                ],
                                max_length=8,
                            ),
                        ),
                        (
                            "account",
                            models.CharField(
                                choices=[
                                    ("BUYER", "Buyers"),
                                    ("SELLER", "Lead's balance at the processor"),
                                    ("PLATFORM", "Platform's balance at the processor"),
                                    ("PROCESSOR", "Processor's fees"),
                                    ("BANK", "Paid out"),
                                ],
                                max_length=9,
                            ),
                        ),
                        ("mode", models.CharField(choices=[("TEST", "Test"), ("LIVE", "Live")], max_length=4)),
                        ("currency", models.CharField(max_length=3)),
                        ("amount_minor", models.BigIntegerField()),
                        ("happened_at", models.DateTimeField()),
                        ("recorded_at", models.DateTimeField()),
                        (
                            "invoice",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="lines",
                                to="marketplace.invoice",
                            ),
                        ),
                        (
                            "seller",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="lines",
                                to="marketplace.seller",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["seller", "-happened_at"], name="money_of_seller")],
                        "constraints": [
                            models.UniqueConstraint(fields=("booking", "account"), name="money_booked_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ShareCredit",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("amount_minor", models.PositiveBigIntegerField()),
                        ("reason", models.CharField(max_length=200)),
                        ("created_at", models.DateTimeField()),
                        (
                            "given_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "settlement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="trading.profitsharesettlement",
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="ShareInvoice",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("week", models.DateField()),
                        ("currency", models.CharField(max_length=3)),
                        ("amount_minor", models.PositiveBigIntegerField()),
                        ("platform_fee_minor", models.PositiveBigIntegerField()),
                        (
                            "state",
                            models.CharField(
                                choices=[("PENDING", "Under way"), ("DONE", "Done"), ("FAILED", "Refused")],
                                default="PENDING",
                                max_length=7,
                            ),
                        ),
                        ("problem", models.CharField(blank=True, max_length=300)),
                        ("due_at", models.DateTimeField()),
                        ("created_at", models.DateTimeField()),
                        (
                            "follower",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "invoice",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="share",
                                to="marketplace.invoice",
                            ),
                        ),
                        (
                            "seller",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="share_invoices",
                                to="marketplace.seller",
                            ),
                        ),
                        ("attempt", models.PositiveSmallIntegerField(default=0)),
                        ("is_void", models.BooleanField(default=False)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("follower", "seller", "week"), name="one_share_invoice_per_week"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ShareLine",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("amount_minor", models.BigIntegerField()),
                        (
                            "credit",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="line",
                                to="marketplace.sharecredit",
                            ),
                        ),
                        (
                            "invoice",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="lines",
                                to="marketplace.shareinvoice",
                            ),
                        ),
                        (
                            "settlement",
                            models.OneToOneField(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="trading.profitsharesettlement",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("credit__isnull", False), ("settlement", None)),
                                    models.Q(("credit", None), ("settlement__isnull", False)),
                                    _connector="OR",
                                ),
                                name="share_line_of_one_thing",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Subscription",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("subject", models.CharField(max_length=50)),
                        ("mode", models.CharField(choices=[("TEST", "Test"), ("LIVE", "Live")], max_length=4)),
                        ("processor_id", models.CharField(max_length=255, unique=True)),
                        ("status", models.CharField(max_length=20)),
                        ("cancels_at_end", models.BooleanField(default=False)),
                        ("started_at", models.DateTimeField()),
                        ("period_start", models.DateTimeField(null=True)),
                        ("period_end", models.DateTimeField(null=True)),
                        ("trial_end", models.DateTimeField(null=True)),
                        ("ended_at", models.DateTimeField(null=True)),
                        ("is_disputed", models.BooleanField(default=False)),
                        ("right_until", models.DateTimeField(null=True)),
                        ("is_lapsed", models.BooleanField(default=False)),
                        (
                            "stop_mode",
                            models.CharField(
                                choices=[
                                    ("CLOSE_NOW", "Close now"),
                                    ("FOLLOW_EXITS", "Follow the lead's exits"),
                                    ("KEEP", "Keep"),
                                ],
                                default="FOLLOW_EXITS",
                                max_length=12,
                            ),
                        ),
                        ("fetched_at", models.DateTimeField()),
                        (
                            "listing",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="marketplace.listing",
                            ),
                        ),
                        (
                            "plan",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="accounts.plan",
                            ),
                        ),
                        (
                            "price",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="marketplace.price",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["user", "subject"], name="subscription_of_user"),
                            models.Index(fields=["listing", "status"], name="subscription_of_listing"),
                            models.Index(fields=["is_lapsed", "right_until"], name="subscription_lapsing"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Change",
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
                                choices=[
                                    ("CANCEL_AT_END", "Cancel at the end of the period"),
                                    ("CANCEL_NOW", "Cancel at once"),
                                    ("RENEW", "Keep renewing"),
                                    ("SWITCH", "Change the price"),
                                ],
                                max_length=13,
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[("PENDING", "Under way"), ("DONE", "Done"), ("FAILED", "Refused")],
                                default="PENDING",
                                max_length=7,
                            ),
                        ),
                        ("problem", models.CharField(blank=True, max_length=300)),
                        ("due_at", models.DateTimeField()),
                        ("created_at", models.DateTimeField()),
                        (
                            "price",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="marketplace.price",
                            ),
                        ),
                        (
                            "subscription",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="changes",
                                to="marketplace.subscription",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "PENDING")),
                                fields=("subscription",),
                                name="one_change_of_a_subscription_at_a_time",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Customer",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("mode", models.CharField(choices=[("TEST", "Test"), ("LIVE", "Live")], max_length=4)),
                        ("processor_id", models.CharField(blank=True, max_length=255)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("user", "mode"), name="customer_per_mode"),
                            models.UniqueConstraint(
                                condition=models.Q(("processor_id", ""), _negated=True),
                                fields=("processor_id",),
                                name="customer_once",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Finding",
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
                                choices=[
                                    ("DIFFERENCE", "Ours differed from the processor's"),
                                    ("DUPLICATE", "Two subscriptions to the same thing"),
                                    ("REFUND_AFTER_USE", "Refund asked for again after use"),
                                    ("CHARGEBACK", "Charge contested at the bank"),
                                    ("CURRENCY_MISMATCH", "Charged in another currency than the price's"),
                                    ("MODE_MISMATCH", "Message of the other mode"),
                                    ("UNKNOWN_OBJECT", "The processor has what we do not know of"),
                                    ("SHARE_REFUSED", "Profit share could not be invoiced"),
                                    ("REFUND_REFUSED", "Refund was refused by the processor"),
                                ],
                                max_length=17,
                            ),
                        ),
                        ("object_id", models.CharField(max_length=255)),
                        ("details", models.JSONField(default=dict)),
                        ("found_at", models.DateTimeField()),
                        ("settled_at", models.DateTimeField(null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["-found_at"], name="finding_newest")],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("settled_at", None)),
                                fields=("kind", "object_id"),
                                name="one_open_finding_of_a_kind",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="CardMark",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("mode", models.CharField(choices=[("TEST", "Test"), ("LIVE", "Live")], max_length=4)),
                        ("digest", models.CharField(max_length=64)),
                        ("seen_at", models.DateTimeField()),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("user", "mode", "digest"), name="card_mark_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PromotionCode",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("mode", models.CharField(choices=[("TEST", "Test"), ("LIVE", "Live")], max_length=4)),
                        ("code", models.CharField(max_length=30)),
                        ("percent_off", models.PositiveSmallIntegerField()),
                        (
                            "length",
                            models.CharField(
                                choices=[("once", "The first payment"), ("forever", "Every payment")],
                                default="once",
                                max_length=7,
                            ),
                        ),
                        ("most_uses", models.PositiveIntegerField(null=True)),
                        ("expires_at", models.DateTimeField(null=True)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("PENDING", "Being set up"),
                                    ("LIVE", "On sale"),
                                    ("FAILED", "Refused by the processor"),
                                    ("RETIRED", "No longer sold"),
                                ],
                                default="PENDING",
                                max_length=7,
                            ),
                        ),
                        ("problem", models.CharField(blank=True, max_length=300)),
                        ("coupon_id", models.CharField(blank=True, max_length=255)),
                        ("processor_id", models.CharField(blank=True, max_length=255)),
                        ("is_off_there", models.BooleanField(default=False)),
                        ("due_at", models.DateTimeField()),
                        ("created_at", models.DateTimeField()),
                        (
                            "listing",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="promotion_codes",
                                to="marketplace.listing",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("percent_off__gte", 1), ("percent_off__lte", 100)),
                                name="discount_range",
                            ),
                            models.UniqueConstraint(
                                condition=models.Q(("state__in", ["PENDING", "LIVE"])),
                                fields=("mode", "code"),
                                name="promotion_code_once",
                            ),
                        ],
                    },
                ),
            ],
        ),
        migrations.RunPython(add_full_text, migrations.RunPython.noop),
    ]
