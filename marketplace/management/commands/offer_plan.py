"""`manage.py offer_plan pro --by YOU --month 19 --year 190 --limit portfolios=100`: sell a plan of the platform's."""

from __future__ import annotations

from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import LimitName, User
from accounts.services.plans import ensure_plan
from common.errors import DomainError
from marketplace.billing.models import Interval
from marketplace.billing.services.pricing import set_plan_price


class Command(BaseCommand):
    help = "Make a plan with its limits, and sell it by the month or the year."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--by", required=True, metavar="EMAIL", help="the operator who offers it")
        parser.add_argument("--month", metavar="AMOUNT")
        parser.add_argument("--year", metavar="AMOUNT")
        parser.add_argument("--currency", default="usd")
        parser.add_argument("--trial-days", type=int, default=0)
        parser.add_argument("--limit", action="append", default=[], metavar="NAME=NUMBER")

    def handle(self, *args: Any, **options: Any) -> None:
        operator = User.objects.filter(email=options["by"].lower(), is_staff=True).first()
        if operator is None:
            raise CommandError("There is no operator with this address.")
        plan = ensure_plan(name=options["name"], limits=dict(_limit(one) for one in options["limit"]))
        for interval in Interval:
            if (asked := options[interval.value]) is None:
                continue
            try:
                price = set_plan_price(
                    operator=operator,
                    plan=plan,
                    interval=interval,
                    amount=Decimal(asked),
                    currency=options["currency"],
                    trial_days=options["trial_days"],
                )
            except (DomainError, InvalidOperation) as error:
                raise CommandError(getattr(error, "message", "A price is a number.")) from None
            self.stdout.write(f"{plan} is sold {price.get_interval_display().lower()}.")


def _limit(given: str) -> tuple[str, int]:
    name, _, number = given.partition("=")
    if name not in LimitName.values or not number.isdigit():
        raise CommandError(f"{given} is no limit: write NAME=NUMBER, with one of {', '.join(LimitName.values)}.")
    return name, int(number)
