"""Guards, waiting lists, and how a follow is stopped apart from why."""

import common.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def name_modes(apps, schema_editor):
    # The code of a follow that was stopped was its mode; its owner wished so, which needs no code.
    stopped = apps.get_model("trading", "Follow").objects.filter(state__in=["STOPPING", "STOPPED"])
    stopped.exclude(state_code="").update(stop_mode=models.F("state_code"), state_code="")


class Migration(migrations.Migration):
    dependencies = [
        ("portfolios", "0005_paper_costs"),
        ("trading", "0030_profit_shares"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
                ("kind", models.CharField(choices=[("FIXED", "Fixed"), ("TRAILING", "Trailing")], max_length=8)),
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
            ],
        ),
        migrations.AddField(
            model_name="follow",
            name="exits_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="follow",
            name="stop_mode",
            field=models.CharField(
                blank=True,
                choices=[("CLOSE_NOW", "Close now"), ("FOLLOW_EXITS", "Follow the lead's exits"), ("KEEP", "Keep")],
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="leadstream",
            name="most_capital",
            field=common.fields.AmountField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="leadstream",
            name="most_followers",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="followcommand",
            name="kind",
            field=models.CharField(
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
        migrations.AddIndex(
            model_name="follow",
            index=models.Index(
                condition=models.Q(("state", "STOPPING")), fields=["exits_until"], name="follow_exits_due"
            ),
        ),
        migrations.AddField(
            model_name="waitingfollow",
            name="source",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="portfolios.portfolio"
            ),
        ),
        migrations.RunPython(name_modes, migrations.RunPython.noop),
    ]
