from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("strategies", "0002_graphs_and_backtests")]

    operations = [migrations.RemoveField(model_name="strategyversion", name="parameters")]
