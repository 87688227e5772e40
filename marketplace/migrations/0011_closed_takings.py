"""What moves between a lead and the platform belongs to a payment, with taxes or without, and an operator can close it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


KINDS = [
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
    ("RETURN_REFUSED", "Lead could not be paid back"),
    ("REFUND_FAILED", "Refund failed after it was made"),
]


def say_what_moved(apps, schema_editor):
    """What was done until now moved as a whole: it was one reversal of one transfer."""
    done = apps.get_model("marketplace", "TakenBack").objects.filter(state="DONE")
    done.update(moved_minor=models.F("amount_minor"))


class Migration(migrations.Migration):
    dependencies = [
        ("marketplace", "0010_taxes_of_payments"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # (The key of a split is its invoice's: what stands in the column stays true.)
        migrations.RenameField(model_name="takenback", old_name="split", new_name="invoice"),
        migrations.AlterField(
            model_name="takenback",
            name="invoice",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="taken", to="marketplace.invoice"
            ),
        ),
        migrations.AddField(
            model_name="takenback", name="moved_minor", field=models.PositiveBigIntegerField(default=0)
        ),
        migrations.AddField(
            model_name="takenback", name="close_reason", field=models.CharField(blank=True, max_length=300)
        ),
        migrations.AddField(model_name="takenback", name="closed_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="takenback",
            name="closed_by",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="finding",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=17),
        ),
        migrations.AlterField(
            model_name="takenback",
            name="cause",
            field=models.CharField(
                choices=[
                    ("TAX", "Taxes"),
                    ("REFUND", "Refund"),
                    ("DISPUTE", "Lost dispute"),
                    ("RETURN", "Paid back to the lead"),
                ],
                max_length=7,
            ),
        ),
        migrations.AlterField(
            model_name="takenback",
            name="state",
            field=models.CharField(
                choices=[
                    ("PENDING", "Under way"),
                    ("DONE", "Done"),
                    ("FAILED", "Refused"),
                    ("CLOSED", "Closed"),
                    ("VOID", "No longer due"),
                ],
                default="PENDING",
                max_length=7,
            ),
        ),
        migrations.AddConstraint(
            model_name="takenback",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "CLOSED"), _negated=True),
                    models.Q(
                        ("closed_at__isnull", False),
                        ("closed_by__isnull", False),
                        models.Q(("close_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="taken_back_closed_by_somebody",
            ),
        ),
        migrations.RunPython(say_what_moved, migrations.RunPython.noop),
    ]
