from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trading", "0002_client_order_id_once")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="ask_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="order",
            name="times_asked",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="order",
            name="missing_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
