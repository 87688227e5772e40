"""A study that its owner deletes leaves what counts as a trial behind."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("strategies", "0004_no_parameters"),
    ]

    operations = [
        migrations.AddField(
            model_name="backtest",
            name="forgotten_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="sweep",
            name="forgotten_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
