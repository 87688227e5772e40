"""Plans: what a person may have how many of."""

from __future__ import annotations

from django.db import transaction

from accounts.models import DEFAULT_LIMITS, Limit, Plan


@transaction.atomic
def ensure_default_plan() -> Plan:
    """Make sure that the default plan exists and lists every limit; numbers an operator changed stay."""
    plan, _ = Plan.objects.get_or_create(is_default=True, defaults={"name": "Standard"})
    missing = DEFAULT_LIMITS.keys() - set(plan.limits.values_list("name", flat=True))
    Limit.objects.bulk_create(Limit(plan=plan, name=name, value=DEFAULT_LIMITS[name]) for name in sorted(missing))
    return plan
