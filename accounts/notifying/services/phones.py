"""A person's number: named, proved by a code, forgotten.

The code is derived from a salt in the row and the site's secret, so neither the database nor a task's arguments hold it.
"""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.models import User
from accounts.notifying.channels import sms
from accounts.notifying.channels.outcome import Came
from accounts.notifying.models import Reach
from accounts.services.auditing import audit
from common.clock import wall_now
from common.db import lock_rows
from common.errors import DomainError
from common.failpoints import failpoint
from common.ids import new_token
from common.limiter import limiter
from common.tasks import enqueue

CODE_LASTS = timedelta(minutes=10)
MOST_TRIES = 5
CLAIM = timedelta(minutes=1)
# Each code costs the site money and somebody's peace: three at once, then one in ten minutes, per person and per number.
CODES_BURST, CODES_PER_SECOND = 3, 1 / 600
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


def name_number(*, user: User, number: str) -> None:
    """Have a code sent to a number; until it comes back nothing else is. A number that was proved before is given up.

    Raises DomainError SMS_NOT_SET_UP (409), PHONE_INVALID, CODES_TOO_OFTEN (429).
    """
    if not settings.SMS_URL:
        raise DomainError("SMS_NOT_SET_UP", "This site sends no SMS.", status=409)
    plain = re.sub(r"[ ()./-]", "", number)
    if not _NUMBER.fullmatch(plain):
        message = "Give the number with its country, such as +49 170 1234567."
        raise DomainError("PHONE_INVALID", message, {"field": "number"})
    for key in (f"phone-code:{user.pk}", f"phone-code:{plain}"):
        if limiter().take(key, per_second=CODES_PER_SECOND, burst=CODES_BURST):
            raise DomainError("CODES_TOO_OFTEN", "Wait ten minutes before the next code.", status=429)
    _ask(user, plain)


@transaction.atomic
def _ask(user: User, number: str) -> None:
    now = wall_now()
    told = {
        "phone": number,
        "phone_verified_at": None,
        "phone_code_salt": new_token(24),
        "phone_code_until": now + CODE_LASTS,
        "phone_code_due_at": now,
        "phone_code_tries": 0,
    }
    Reach.objects.update_or_create(user=user, defaults=told)
    audit(action="phone.named", obj=user, actor=user)
    from accounts.tasks import send_phone_code

    enqueue(send_phone_code, str(user.pk))


def send_code(*, user_id: UUID) -> bool:
    """Send the code that somebody waits for, once, and return whether it went out."""
    now = wall_now()
    due = Reach.objects.filter(pk=user_id, phone_code_due_at__lte=now, phone_code_until__gt=now)
    if not due.update(phone_code_due_at=now + CLAIM):
        return False
    failpoint("phone_code_claimed")
    reach = Reach.objects.get(pk=user_id)
    text = f"{_code(reach)} is your Slipstream code. It counts for ten minutes. Nobody of ours ever asks for it."
    outcome = sms.send_text(reach.phone, text)
    if outcome.came != Came.LATER:
        Reach.objects.filter(pk=user_id, phone_code_salt=reach.phone_code_salt).update(phone_code_due_at=None)
    return outcome.came == Came.THROUGH


def send_due_codes() -> int:
    """Send the codes whose task was lost or whose sending failed, and return how many went out."""
    due = Reach.objects.filter(phone_code_due_at__lte=wall_now(), phone_code_until__gt=wall_now())
    return sum(send_code(user_id=pk) for pk in list(due.values_list("pk", flat=True)[:100]))


def verify_number(*, user: User, code: str) -> None:
    """Believe that a number is somebody's who knows its code. Raises DomainError CODE_WRONG; after five tries it is void."""
    if not _prove(user, code):
        raise DomainError("CODE_WRONG", "This code is wrong, used or expired.", {"field": "code"})


@transaction.atomic
def _prove(user: User, code: str) -> bool:
    rows = lock_rows(Reach.objects.filter(pk=user.pk, phone_code_until__gt=wall_now()).exclude(phone_code_salt=""))
    if not rows or rows[0].phone_code_tries >= MOST_TRIES:
        return False
    mine = Reach.objects.filter(pk=user.pk)
    if not hmac.compare_digest(_code(rows[0]).encode(), code.strip().encode()):
        mine.update(phone_code_tries=F("phone_code_tries") + 1)
        return False
    mine.update(phone_verified_at=wall_now(), phone_code_salt="", phone_code_until=None, phone_code_due_at=None)
    audit(action="phone.verified", obj=user, actor=user)
    return True


@transaction.atomic
def forget_number(*, user: User) -> None:
    """Send no SMS any more, and forget the number."""
    told = {"phone": "", "phone_verified_at": None, "phone_code_salt": "", "phone_code_until": None}
    if Reach.objects.filter(pk=user.pk).exclude(phone="").update(**told, phone_code_due_at=None, phone_code_tries=0):
        audit(action="phone.forgotten", obj=user, actor=user)


def _code(reach: Reach) -> str:
    """Return six digits that follow from the row and the site's secret."""
    text = f"phone code\x1f{reach.pk}\x1f{reach.phone}\x1f{reach.phone_code_salt}"
    mark = hmac.new(settings.SECRET_KEY.encode(), text.encode(), sha256).digest()
    return f"{int.from_bytes(mark[:8], 'big') % 1_000_000:06d}"
