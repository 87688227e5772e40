from decimal import Decimal
from typing import Any

import common.fields
from django.db import migrations, models


def keep_multipliers(apps: Any, schema_editor: Any) -> None:
    """The multiplier becomes one of the settings, which hold what differs from the defaults.

    A follow that began without guards goes on without any: nobody has asked its owner. What its positions were opened
    with is what it is set to.
    """
    follows, positions = apps.get_model("trading", "Follow"), apps.get_model("trading", "FollowPosition")
    for follow in follows.objects.iterator():
        follow.settings = {"max_instrument_share": "1", "max_order_share": "1"}
        if follow.multiplier != Decimal(1):
            follow.settings["multiplier"] = format(follow.multiplier.normalize(), "f")
        follow.save(update_fields=["settings"])
        positions.objects.filter(follow=follow).update(settings=follow.settings)


def keep_last_events(apps: Any, schema_editor: Any) -> None:
    """What is copied by now was seen without a gap."""
    follows, events = apps.get_model("trading", "Follow"), apps.get_model("trading", "LeadEvent")
    done = events.objects.filter(state="DONE").values_list("lead").annotate(models.Max("seq"))
    for lead, seq in done.order_by():
        follows.objects.filter(lead=lead).update(last_seq=seq)


class Migration(migrations.Migration):
    dependencies = [
        ("markets", "0006_backfills"),
        ("portfolios", "0005_paper_costs"),
        ("trading", "0012_perpetuals"),
    ]

    operations = [
        migrations.AddField("follow", "settings", models.JSONField(blank=True, default=dict)),
        migrations.AddField("follow", "last_seq", models.PositiveBigIntegerField(default=0)),
        migrations.AddField("follow", "frozen_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("follow", "copied_on", models.DateField(blank=True, null=True)),
        migrations.AddField("follow", "copied_count", models.PositiveIntegerField(default=0)),
        migrations.AddField("followposition", "missed_events", models.PositiveIntegerField(default=0)),
        migrations.AddField("followposition", "unexplained_orders", models.PositiveIntegerField(default=0)),
        migrations.AddField("follow", "drift_due_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("followposition", "settings", models.JSONField(blank=True, default=dict)),
        migrations.AddField("followposition", "residual", common.fields.AmountField(default=Decimal("0"))),
        migrations.AddField("followposition", "residual_since", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("followposition", "missed", common.fields.AmountField(default=Decimal("0"))),
        migrations.AddField("followposition", "drift_since", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("followposition", "diverged_at", models.DateTimeField(blank=True, null=True)),
        migrations.AlterField(
            "followcommand",
            "kind",
            models.CharField(
                choices=[
                    ("CLOSE_ALL", "Close All"),
                    ("REPAIR", "Repair"),
                    ("RESYNC", "Resync"),
                    ("CATCH_UP", "Catch Up"),
                ],
                max_length=10,
            ),
        ),
        migrations.RunPython(keep_multipliers, migrations.RunPython.noop),
        migrations.RunPython(keep_last_events, migrations.RunPython.noop),
        migrations.RemoveConstraint("follow", "follow_multiplier_range"),
        migrations.RemoveField("follow", "multiplier"),
        migrations.AddIndex(
            "follow",
            models.Index(
                condition=models.Q(("drift_due_at__isnull", False)), fields=["drift_due_at"], name="follow_drift_due"
            ),
        ),
    ]
