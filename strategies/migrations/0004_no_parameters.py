from django.db import migrations


class Migration(migrations.Migration):
    """Apart from the conversion: PostgreSQL alters no table in a transaction that has just filled it."""

    dependencies = [("strategies", "0003_parameters_become_graphs")]

    operations = [migrations.RemoveField(model_name="strategyversion", name="parameters")]
