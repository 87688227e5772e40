"""Which terms a follower accepted, and when."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0041_signals"),
    ]

    operations = [
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
    ]
