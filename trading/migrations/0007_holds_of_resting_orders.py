"""Write the hold lines of orders that already rest: from now on their changes alone are written."""

from django.db import migrations
from django.db.models import F

from common.clock import wall_now
from common.ids import new_id


def hold(apps, schema_editor):
    order_model, line_model = apps.get_model("trading", "Order"), apps.get_model("portfolios", "LedgerLine")
    resting = order_model.objects.filter(state__in=["OPEN", "PARTIALLY_FILLED"]).exclude(kind="MARKET")
    recorded_at = wall_now()
    for order in resting.annotate(base=F("instrument__market__base"), quote=F("instrument__market__quote")):
        if not order.reserved:
            continue
        booking_id = new_id()
        for account, amount in (("HELD", order.reserved), ("HOLDINGS", -order.reserved)):
            line_model.objects.create(
                booking_id=booking_id,
                kind="HOLD",
                portfolio_id=order.portfolio_id,
                account=account,
                asset_id=order.quote if order.side == "BUY" else order.base,
                amount=amount,
                order_id=order.pk,
                happened_at=order.rests_since or order.created_at,
                recorded_at=recorded_at,
            )


class Migration(migrations.Migration):
    dependencies = [("portfolios", "0004_order_holds"), ("trading", "0006_live_orders")]

    operations = [migrations.RunPython(hold, migrations.RunPython.noop)]
