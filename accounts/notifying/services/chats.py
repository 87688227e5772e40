"""Linking a Telegram chat: a one-time code that its owner sends to the bot."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from urllib.parse import quote

from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.notifying.channels import telegram
from accounts.notifying.models import Reach
from accounts.services.auditing import audit
from common.clock import wall_now
from common.errors import DomainError
from common.ids import new_token
from common.limiter import limiter

CODE_LASTS = timedelta(minutes=15)
_UNKNOWN = "This code is unknown, used or expired. Make a new one at {site}/settings/notifications/settings/."
_LINKED = "Linked. What you chose for Telegram is told here from now on; /stop ends it."
_STOPPED = "You are told nothing here any more."
_HELP = "Send /start with the code that Slipstream showed you, or /stop."


@transaction.atomic
def begin_linking(*, user: User) -> str:
    """Return a new code, shown this once; the one before it counts no more. Raises DomainError TELEGRAM_NOT_SET_UP (409)."""
    if not settings.TELEGRAM_BOT_TOKEN:
        raise DomainError("TELEGRAM_NOT_SET_UP", "This site has no Telegram bot.", status=409)
    code = new_token(16)
    told = {"telegram_code": _digest(code), "telegram_code_until": wall_now() + CODE_LASTS}
    Reach.objects.update_or_create(user=user, defaults=told)
    return code


def link_address(code: str) -> str:
    """Return the address that opens the bot with the code typed already; "" where the bot's name is not set."""
    name = settings.TELEGRAM_BOT_NAME
    return f"https://t.me/{quote(name)}?start={quote(code)}" if name else ""


@transaction.atomic
def unlink_chat(*, user: User) -> None:
    """Tell somebody nothing on Telegram any more."""
    reach = Reach.objects.filter(pk=user.pk)
    if reach.update(telegram_chat="", telegram_name="", telegram_code="", telegram_code_until=None):
        audit(action="telegram.unlinked", obj=user, actor=user)


def hear(said: telegram.Said) -> None:
    """Do what somebody wrote to the bot, and answer; a chat that asks often is not answered."""
    if limiter().take(f"telegram:{said.chat}", per_second=0.2, burst=10):
        return
    word, _, rest = said.text.strip().partition(" ")
    if word == "/start" and rest:
        answer = _LINKED if _link(said, rest.strip()) else _UNKNOWN.format(site=settings.SITE_URL)
    elif word == "/stop":
        Reach.objects.filter(telegram_chat=said.chat).update(telegram_chat="", telegram_name="")
        answer = _STOPPED
    else:
        answer = _HELP
    telegram.say(said.chat, answer)


def poll() -> int:
    """Ask Telegram what was written to the bot while somebody's code waits, and return how much it was."""
    waiting = Reach.objects.filter(telegram_code_until__gt=wall_now()).exclude(telegram_code="")
    if not settings.TELEGRAM_BOT_TOKEN or settings.TELEGRAM_WEBHOOK_SECRET or not waiting.exists():
        return 0
    heard = 0
    for said in telegram.hear():
        hear(said)
        heard += 1
    return heard


@transaction.atomic
def _link(said: telegram.Said, code: str) -> bool:
    """Link the chat to whoever has this code, once, and return whether anybody has."""
    waiting = Reach.objects.filter(telegram_code=_digest(code), telegram_code_until__gt=wall_now())
    user = User.objects.filter(reach__in=waiting, is_active=True).first()
    if user is None:
        return False
    told = {"telegram_chat": said.chat, "telegram_name": said.name, "telegram_code": "", "telegram_code_until": None}
    if not waiting.filter(pk=user.pk).update(**told):
        return False
    audit(action="telegram.linked", obj=user, actor=user)
    return True


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
