"""The default plan: always there, never overwritten."""

from __future__ import annotations

from django.core.management import call_command

from accounts.models import DEFAULT_LIMITS, PRO_LIMITS, Limit, Plan, User
from accounts.selectors import limit
from accounts.services import ensure_default_plan
from accounts.services.plans import ensure_plan, give_plan


def test_a_fresh_database_has_the_default_plan(db: None) -> None:
    plan = Plan.objects.get(is_default=True)
    assert dict(plan.limits.values_list("name", "value")) == DEFAULT_LIMITS
    assert plan.name == "Free"


def test_a_fresh_database_has_a_larger_plan_that_is_nobodys_yet(alice: User) -> None:
    pro = Plan.objects.get(is_default=False)
    assert (pro.name, dict(pro.limits.values_list("name", "value"))) == ("Pro", PRO_LIMITS)
    assert PRO_LIMITS.keys() == DEFAULT_LIMITS.keys()
    assert all(PRO_LIMITS[name] > free for name, free in DEFAULT_LIMITS.items())
    assert limit(alice, "follows") == DEFAULT_LIMITS["follows"]
    # An operator who offers it keeps its numbers, but for those that they name.
    assert ensure_plan(name="pro", limits={"follows": 99}) == pro
    give_plan(user=alice, plan=pro)
    assert (limit(alice, "follows"), limit(alice, "portfolios")) == (99, PRO_LIMITS["portfolios"])


def test_a_plan_that_an_operator_took_away_does_not_come_back(db: None) -> None:
    Plan.objects.filter(is_default=False).delete()
    ensure_default_plan()
    assert Plan.objects.get().is_default
    assert dict(ensure_plan(name="PRO", limits={}).limits.values_list("name", "value")) == PRO_LIMITS


def test_numbers_an_operator_changed_stay_and_missing_ones_come_back(db: None) -> None:
    Limit.objects.filter(name="follows").update(value=7)
    Limit.objects.filter(name="strategies").delete()
    plan = ensure_default_plan()
    assert dict(plan.limits.values_list("name", "value")) == {**DEFAULT_LIMITS, "follows": 7}
    assert Plan.objects.filter(is_default=True).get() == plan


def test_every_migration_makes_sure_of_it(db: None) -> None:
    Plan.objects.all().delete()
    call_command("migrate", verbosity=0)
    assert Plan.objects.get(is_default=True).limits.count() == len(DEFAULT_LIMITS)
