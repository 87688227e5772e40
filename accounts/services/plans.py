"""Plans: what a person may have how many of."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from accounts.models import DEFAULT_LIMITS, FREE, PRO, PRO_LIMITS, Limit, LimitName, Plan, Profile, User
from accounts.services.auditing import audit
from common.db import lock_rows


@transaction.atomic
def ensure_default_plan() -> Plan:
    """Make sure that the default plan exists and lists every limit; numbers an operator changed stay.

    A database that had none gets the larger plan, too, which is nobody's until an operator sells or gives it.
    """
    plan, is_new = Plan.objects.get_or_create(is_default=True, defaults={"name": FREE})
    if is_new:
        ensure_plan(name=PRO, limits={})
    missing = DEFAULT_LIMITS.keys() - set(plan.limits.values_list("name", flat=True))
    Limit.objects.bulk_create(Limit(plan=plan, name=name, value=DEFAULT_LIMITS[name]) for name in sorted(missing))
    return plan


@transaction.atomic
def ensure_plan(*, name: str, limits: Mapping[str, int]) -> Plan:
    """Make sure that a plan of this name has at least these limits set; what it does not list is the default plan's.

    A new one named as the larger plan begins with that one's limits. A name is the same in any case.
    """
    plan = Plan.objects.filter(name__iexact=name).first()
    if plan is None:
        is_pro = name.casefold() == PRO.casefold()
        plan = Plan.objects.create(name=PRO if is_pro else name)
        limits = {**(PRO_LIMITS if is_pro else {}), **limits}
    for one, value in limits.items():
        Limit.objects.update_or_create(plan=plan, name=LimitName(one), defaults={"value": value})
    return plan


@transaction.atomic
def give_plan(*, user: User, plan: Plan) -> bool:
    """Put somebody on a plan, and say whether they were on another one."""
    profile = lock_rows(Profile.objects.filter(pk=user.pk))[0]
    if profile.plan_id == plan.pk:
        return False
    before, profile.plan = profile.plan_id, plan
    profile.save(update_fields=["plan"])
    audit(action="plan.given", obj=profile, before={"plan": str(before)}, after={"plan": str(plan.pk)})
    return True


@transaction.atomic
def take_plan_back(*, user: User, plan: Plan) -> None:
    """Return somebody to the default plan. Nothing is deleted: what is above its limits stays, and more is refused."""
    profile = lock_rows(Profile.objects.filter(pk=user.pk))[0]
    if profile.plan_id == plan.pk:
        profile.plan = None
        profile.save(update_fields=["plan"])
        audit(action="plan.taken_back", obj=profile, before={"plan": str(plan.pk)}, after={"plan": None})
