"""What is published already gets a salt, too: its hashes, and those by which repetitions know it, are made anew."""

from django.db import migrations

from common.ids import new_key
from engine.backtest_spec import json_hash


def salt_published(apps, schema_editor):
    Published = apps.get_model("marketplace", "PublishedBacktest")
    Reproduction = apps.get_model("marketplace", "Reproduction")
    for row in Published.objects.filter(salt="").iterator():
        before, row.salt = row.spec_hash, new_key(32).hex()
        sealed = {"graph": row.spec["graph"], "values": row.spec["values"], "salt": row.salt}
        row.spec_hash = json_hash({**row.spec, "salt": row.salt})
        row.manifest = {**row.manifest, "strategy_hash": json_hash(sealed)}
        row.save(update_fields=["salt", "spec_hash", "manifest"])
        Reproduction.objects.filter(published=row, spec_hash=before).update(spec_hash=row.spec_hash)


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0007_promotions_and_cards")]

    operations = [migrations.RunPython(salt_published, migrations.RunPython.noop)]
