from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trading", "0001_initial")]

    operations = [
        migrations.AddConstraint(
            model_name="order",
            constraint=models.UniqueConstraint(fields=("client_order_id",), name="order_client_id_once"),
        ),
        migrations.AlterField(
            model_name="order",
            name="client_order_id",
            field=models.CharField(max_length=32),
        ),
    ]
