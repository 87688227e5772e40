"""All of this app's migrations up to 0008 at once: an empty database is made in a fraction of the time."""

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
        ("portfolios", "0001_initial"),
        ("portfolios", "0002_exchange_accounts"),
        ("portfolios", "0003_account_books"),
        ("portfolios", "0004_order_holds"),
        ("portfolios", "0005_paper_costs"),
        ("portfolios", "0006_perpetuals"),
        ("portfolios", "0007_accounts_on_margin"),
        ("portfolios", "0008_teams"),
    ]

    initial = True

    dependencies = [
        ("accounts", "0012_privacy"),
        ("markets", "0006_backfills"),
    ]

    operations = [
        common.schema.CreateModels(
            operations=[
                migrations.CreateModel(
                    name="Portfolio",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("name", models.CharField(max_length=80)),
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
                        ("namespace", models.SlugField(max_length=40)),
                        (
                            "state",
                            models.CharField(
                                choices=[("OPEN", "Open"), ("FROZEN", "Frozen"), ("CLOSED", "Closed")],
                                default="OPEN",
                                max_length=10,
                            ),
                        ),
                        ("is_restricted", models.BooleanField(default=False)),
                        ("cash_is_locked", models.BooleanField(default=False)),
                        ("slippage_bps", models.DecimalField(decimal_places=4, default=Decimal("2"), max_digits=8)),
                        ("net_deposits", common.fields.AmountField(default=Decimal("0"))),
                        ("fill_count", models.PositiveBigIntegerField(default=0)),
                        ("opened_at", models.DateTimeField()),
                        (
                            "allowed_instruments",
                            models.ManyToManyField(blank=True, related_name="+", to="markets.instrument"),
                        ),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="portfolios",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "settlement",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.asset"
                            ),
                        ),
                        (
                            "account",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="portfolios",
                                to="portfolios.exchangeaccount",
                            ),
                        ),
                        ("is_live_trading_on", models.BooleanField(default=False)),
                        ("latency_jitter_ms", models.PositiveIntegerField(default=0)),
                        ("latency_ms", models.PositiveIntegerField(default=0)),
                        ("maker_fee_bps", models.DecimalField(blank=True, decimal_places=4, max_digits=8, null=True)),
                        ("taker_fee_bps", models.DecimalField(blank=True, decimal_places=4, max_digits=8, null=True)),
                        ("uses_margin", models.BooleanField(default=False)),
                        ("approval_above", common.fields.AmountField(blank=True, null=True)),
                        ("approval_minutes", models.PositiveIntegerField(default=60)),
                        ("max_capital", common.fields.AmountField(blank=True, null=True)),
                        (
                            "max_capital_share",
                            models.DecimalField(blank=True, decimal_places=6, max_digits=7, null=True),
                        ),
                        ("max_order_value", common.fields.AmountField(blank=True, null=True)),
                        (
                            "parent",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="sub_accounts",
                                to="portfolios.portfolio",
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="portfolios",
                                to="accounts.workspace",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "CLOSED"), _negated=True),
                                fields=("owner", "name"),
                                name="portfolio_name_per_owner",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="LedgerLine",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("booking_id", models.UUIDField()),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("DEPOSIT", "Deposit"),
                                    ("WITHDRAWAL", "Withdrawal"),
                                    ("TRANSFER", "Transfer"),
                                    ("FILL", "Fill"),
                                    ("HOLD", "Hold"),
                                    ("FUNDING", "Funding"),
                                    ("MARGIN", "Margin"),
                                ],
                                max_length=10,
                            ),
                        ),
                        (
                            "account",
                            models.CharField(
                                choices=[
                                    ("HOLDINGS", "Holdings"),
                                    ("HELD", "Held"),
                                    ("MARGIN", "Margin"),
                                    ("MARKET", "Market"),
                                    ("FEES", "Fees"),
                                    ("EXTERNAL", "External"),
                                    ("TRANSFER", "Transfer"),
                                    ("FUNDING", "Funding"),
                                    ("INSURANCE", "Insurance"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("amount", common.fields.AmountField()),
                        ("happened_at", models.DateTimeField()),
                        ("recorded_at", models.DateTimeField()),
                        (
                            "asset",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="markets.asset",
                            ),
                        ),
                        (
                            "portfolio",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="ledger",
                                to="portfolios.portfolio",
                            ),
                        ),
                        ("order_id", models.UUIDField(blank=True, null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("order_id__isnull", False)),
                                fields=["order_id"],
                                name="ledger_holds_of_order",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("booking_id", "portfolio", "account", "asset"), name="ledger_line_once"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(
                                        ("account__in", ["HOLDINGS", "HELD"]),
                                        ("kind", "HOLD"),
                                        ("order_id__isnull", False),
                                    ),
                                    models.Q(
                                        models.Q(("kind", "HOLD"), _negated=True),
                                        models.Q(("account", "HELD"), _negated=True),
                                        ("order_id__isnull", True),
                                    ),
                                    _connector="OR",
                                ),
                                name="ledger_hold_names_its_order",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="EquitySnapshot",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "grain",
                            models.CharField(
                                choices=[("MINUTE", "Minute"), ("HOUR", "Hour"), ("DAY", "Day")], max_length=6
                            ),
                        ),
                        ("at", models.DateTimeField()),
                        ("equity", common.fields.AmountField()),
                        ("net_deposits", common.fields.AmountField()),
                        (
                            "portfolio",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="equity_snapshots",
                                to="portfolios.portfolio",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("portfolio", "at", "grain"), name="snapshot_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Balance",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("amount", common.fields.AmountField(default=Decimal("0"))),
                        ("reserved", common.fields.AmountField(default=Decimal("0"))),
                        (
                            "asset",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.asset"
                            ),
                        ),
                        (
                            "portfolio",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="balances",
                                to="portfolios.portfolio",
                            ),
                        ),
                        ("owes", models.BooleanField(default=False)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("portfolio", "asset"), name="balance_per_asset"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("reserved__gte", Decimal("0")),
                                    models.Q(("amount__gte", models.F("reserved")), ("owes", True), _connector="OR"),
                                ),
                                name="balance_covers_reserved",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Position",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("quantity", common.fields.AmountField(default=Decimal("0"))),
                        ("cost", common.fields.AmountField(default=Decimal("0"))),
                        ("realized_pnl", common.fields.AmountField(default=Decimal("0"))),
                        ("fees_paid", common.fields.AmountField(default=Decimal("0"))),
                        (
                            "instrument",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.instrument"
                            ),
                        ),
                        (
                            "portfolio",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="positions",
                                to="portfolios.portfolio",
                            ),
                        ),
                        ("funding_paid", common.fields.AmountField(default=Decimal("0"))),
                        ("insured", common.fields.AmountField(default=Decimal("0"))),
                        ("leverage", models.PositiveSmallIntegerField(default=1)),
                        ("margin", common.fields.AmountField(default=Decimal("0"))),
                        (
                            "margin_mode",
                            models.CharField(
                                blank=True, choices=[("ISOLATED", "Isolated"), ("CROSS", "Cross")], max_length=8
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("margin_mode", ""), _negated=True),
                                fields=["instrument"],
                                name="positions_on_margin",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("portfolio", "instrument"), name="position_per_instrument"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    ("margin", Decimal("0")),
                                    models.Q(("margin__gt", Decimal("0")), ("margin_mode", "ISOLATED")),
                                    _connector="OR",
                                ),
                                name="position_margin_of_isolated",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ExchangeAccount",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("label", models.CharField(max_length=60)),
                        ("mode", models.CharField(choices=[("LIVE", "Live"), ("SANDBOX", "Sandbox")], max_length=10)),
                        ("credentials", models.BinaryField()),
                        ("seal_key", models.CharField(blank=True, max_length=16)),
                        ("key_hint", models.CharField(blank=True, max_length=4)),
                        ("version", models.PositiveIntegerField(default=1)),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("CHECKING", "Checking"),
                                    ("READY", "Ready"),
                                    ("REFUSED", "Refused"),
                                    ("FAILED", "Failed"),
                                    ("REVOKED", "Revoked"),
                                ],
                                default="CHECKING",
                                max_length=10,
                            ),
                        ),
                        ("code", models.CharField(blank=True, max_length=40)),
                        ("permissions", models.JSONField(default=list)),
                        ("checked_at", models.DateTimeField(null=True)),
                        ("last_used_at", models.DateTimeField(null=True)),
                        ("check_due_at", models.DateTimeField(null=True)),
                        ("claimed_until", models.DateTimeField(null=True)),
                        ("attempts", models.PositiveIntegerField(default=0)),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("updated_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        (
                            "exchange",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="markets.exchange"
                            ),
                        ),
                        (
                            "owner",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="exchange_accounts",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("books_from", models.DateTimeField(null=True)),
                        ("fills_read_at", models.DateTimeField(null=True)),
                        ("reconciled_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("check_due_at__isnull", False)),
                                fields=["check_due_at"],
                                name="exchange_account_checks_due",
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state", "REVOKED"), _negated=True),
                                fields=("owner", "label"),
                                name="exchange_account_label_per_owner",
                            ),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("state", "REVOKED"), _negated=True),
                                    models.Q(("check_due_at", None), ("seal_key", "")),
                                    _connector="OR",
                                ),
                                name="revoked_account_has_no_key",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ExchangeAccountUse",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        (
                            "purpose",
                            models.CharField(
                                choices=[
                                    ("CHECK", "Check of the key"),
                                    ("RESEAL", "Sealed to a new key of ours"),
                                    ("TRADE", "Trading: orders, fills and balances"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("outcome", models.CharField(blank=True, max_length=40)),
                        (
                            "account",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="uses",
                                to="portfolios.exchangeaccount",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["account", "-id"], name="exchange_account_uses")],
                    },
                ),
                migrations.CreateModel(
                    name="AccountBalance",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("asset", models.CharField(max_length=40)),
                        ("total", common.fields.AmountField(default=Decimal("0"))),
                        ("free", common.fields.AmountField(default=Decimal("0"))),
                        ("remainder", common.fields.AmountField(default=Decimal("0"))),
                        ("read_at", models.DateTimeField()),
                        (
                            "account",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="balances",
                                to="portfolios.exchangeaccount",
                            ),
                        ),
                        ("cost", common.fields.AmountField(default=Decimal("0"))),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("account", "asset"), name="account_balance_per_asset")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="RemainderEntry",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "reason",
                            models.CharField(
                                choices=[
                                    ("FIRST", "Held when it was connected"),
                                    ("PORTFOLIO", "Moved to or from a portfolio"),
                                    ("VENUE_FILL", "Traded at the exchange itself"),
                                    ("ASSIGNED", "A trade was given to a portfolio"),
                                    ("FEE", "A fee in another asset"),
                                    ("FUNDING", "Funding of what is in no portfolio"),
                                    ("DEPOSIT", "Came in at the exchange"),
                                    ("WITHDRAWAL", "Went out at the exchange"),
                                    ("ROUNDING", "Fees that the exchange tells rounded"),
                                    ("UNKNOWN", "Differs, and nothing explains it"),
                                ],
                                max_length=10,
                            ),
                        ),
                        ("asset", models.CharField(max_length=40)),
                        ("amount", common.fields.AmountField()),
                        ("note", models.CharField(blank=True, max_length=100)),
                        ("at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        (
                            "account",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="remainder",
                                to="portfolios.exchangeaccount",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["account", "-id"], name="remainder_of_account")],
                    },
                ),
                migrations.CreateModel(
                    name="FundingPayment",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("quantity", common.fields.AmountField()),
                        ("mark", common.fields.AmountField(null=True)),
                        ("rate", common.fields.AmountField(null=True)),
                        ("amount", common.fields.AmountField()),
                        ("insured", common.fields.AmountField(default=Decimal("0"))),
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
                                related_name="funding_payments",
                                to="portfolios.portfolio",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("mark__isnull", False)),
                                fields=("portfolio", "instrument", "happened_at"),
                                name="funding_paid_once",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="FundingTime",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("at", models.DateTimeField()),
                        ("rate", common.fields.AmountField()),
                        ("mark", common.fields.AmountField(blank=True, null=True)),
                        ("is_settled", models.BooleanField(default=False)),
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
                        "indexes": [
                            models.Index(
                                condition=models.Q(("is_settled", False)), fields=["at"], name="funding_times_to_come"
                            )
                        ],
                        "constraints": [models.UniqueConstraint(fields=("instrument", "at"), name="funding_time_once")],
                    },
                ),
                migrations.CreateModel(
                    name="MarginTier",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("floor", common.fields.AmountField()),
                        ("max_leverage", models.PositiveSmallIntegerField()),
                        ("maintenance_ratio", common.fields.AmountField()),
                        (
                            "instrument",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="margin_tiers",
                                to="markets.instrument",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("instrument", "floor"), name="margin_tier_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AccountFunding",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("payment_id", models.CharField(max_length=64)),
                        ("amount", common.fields.AmountField()),
                        ("happened_at", models.DateTimeField()),
                        ("recorded_at", models.DateTimeField()),
                        (
                            "account",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="funding",
                                to="portfolios.exchangeaccount",
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
                            models.UniqueConstraint(fields=("account", "payment_id"), name="account_funding_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="VenueTerms",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("leverage", models.PositiveSmallIntegerField()),
                        (
                            "margin_mode",
                            models.CharField(choices=[("ISOLATED", "Isolated"), ("CROSS", "Cross")], max_length=8),
                        ),
                        ("refusal", models.CharField(blank=True, max_length=300)),
                        ("asked_at", models.DateTimeField()),
                        (
                            "account",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="terms",
                                to="portfolios.exchangeaccount",
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
                            models.UniqueConstraint(fields=("account", "instrument"), name="venue_terms_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Delegation",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "scope",
                            models.CharField(
                                choices=[("view", "See it"), ("trade", "See it and trade it")], max_length=10
                            ),
                        ),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("ends_at", models.DateTimeField()),
                        ("ended_at", models.DateTimeField(null=True)),
                        (
                            "given_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "person",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="delegations",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "portfolio",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="delegations",
                                to="portfolios.portfolio",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("ended_at", None)), fields=["ends_at"], name="delegations_by_end"
                            )
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("ended_at", None)),
                                fields=("portfolio", "person"),
                                name="delegation_once_at_a_time",
                            )
                        ],
                    },
                ),
            ],
        ),
    ]
