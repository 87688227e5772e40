"""Records know their newest figures beside those that everybody is told. What was told until now was the newest."""

from decimal import Decimal

from django.db import migrations, models
from django.db.models import F

import common.fields

NAMES = ("as_of", "equity", "net_deposits", "unit_value", "peak", "max_drawdown_ratio")


def take_what_was_told(apps, schema_editor):
    records = apps.get_model("marketplace", "TrackRecord").objects
    records.update(**{f"newest_{name}": F(name) for name in NAMES})


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0001_squashed_0008_salted_hashes")]

    operations = [
        migrations.AddField("trackrecord", "newest_as_of", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("trackrecord", "newest_equity", common.fields.AmountField(default=Decimal(0))),
        migrations.AddField("trackrecord", "newest_net_deposits", common.fields.AmountField(default=Decimal(0))),
        migrations.AddField("trackrecord", "newest_unit_value", models.FloatField(default=1.0)),
        migrations.AddField("trackrecord", "newest_peak", models.FloatField(default=1.0)),
        migrations.AddField("trackrecord", "newest_max_drawdown_ratio", models.FloatField(default=0.0)),
        migrations.RunPython(take_what_was_told, migrations.RunPython.noop),
    ]
