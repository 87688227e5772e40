"""Payments with taxes: how each is shared, what is taken back of a lead, and an account for the taxes that are held."""

import common.ids
import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0009_newest_of_records"),
    ]

    operations = [
        migrations.AlterField(
            model_name="finding",
            name="kind",
            field=models.CharField(
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
                    ("TRANSFER_REFUSED", "Lead's part could not be taken back"),
                ],
                max_length=17,
            ),
        ),
        migrations.AlterField(
            model_name="moneyline",
            name="account",
            field=models.CharField(
                choices=[
                    ("BUYER", "Buyers"),
                    ("SELLER", "Lead's balance at the processor"),
                    ("PLATFORM", "Platform's balance at the processor"),
                    ("PROCESSOR", "Processor's fees"),
                    ("BANK", "Paid out"),
                    ("TAX", "Taxes, in the platform's balance"),
                ],
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="moneyline",
            name="kind",
            field=models.CharField(
                choices=[
                    ("CHARGE", "Charge"),
                    ("REFUND", "Refund"),
                    ("DISPUTE", "Dispute"),
                    ("TRANSFER", "Transfer"),
                    ("TAX", "Taxes"),
                    ("PAYOUT", "Payout"),
                ],
                max_length=8,
            ),
        ),
        migrations.CreateModel(
            name="TaxSplit",
            fields=[
                (
                    "invoice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="tax_split",
                        serialize=False,
                        to="marketplace.invoice",
                    ),
                ),
                ("transfer_id", models.CharField(max_length=255, unique=True)),
                ("price_minor", models.PositiveBigIntegerField()),
                ("tax_minor", models.PositiveBigIntegerField()),
                ("fee_minor", models.PositiveBigIntegerField()),
                ("share_minor", models.PositiveBigIntegerField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "price_minor",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("fee_minor"), "+", models.F("share_minor")
                                ),
                            )
                        ),
                        name="tax_split_adds_up",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TakenBack",
            fields=[
                ("id", models.UUIDField(default=common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                (
                    "cause",
                    models.CharField(
                        choices=[("TAX", "Taxes"), ("REFUND", "Refund"), ("DISPUTE", "Lost dispute")], max_length=7
                    ),
                ),
                ("about", models.CharField(max_length=255)),
                ("amount_minor", models.PositiveBigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[("PENDING", "Under way"), ("DONE", "Done"), ("FAILED", "Refused")],
                        default="PENDING",
                        max_length=7,
                    ),
                ),
                ("problem", models.CharField(blank=True, max_length=300)),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("processor_id", models.CharField(blank=True, max_length=255)),
                ("due_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                (
                    "split",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="taken", to="marketplace.taxsplit"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("cause", "about"), name="taken_back_once"),
                    models.CheckConstraint(condition=models.Q(("amount_minor__gt", 0)), name="taken_back_something"),
                ],
            },
        ),
    ]
