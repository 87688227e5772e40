"""Telegram's Bot API: what people are told in their chat with this site's bot, and what they say to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings

from accounts.notifying.channels.calling import Reply, call
from accounts.notifying.channels.outcome import THROUGH, Came, Outcome
from accounts.registry import Description

# The API takes 4,096 characters.
MOST_CHARACTERS = 4_000
# So many rounds of getUpdates (of up to a hundred messages) at a time.
MOST_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody wrote to the bot."""

    update: int
    chat: str
    name: str
    text: str


def send(chat: str, words: Description) -> Outcome:
    """Write to a chat; plain text, so that nothing in it is markup."""
    lines = [words.title, words.body, settings.SITE_URL + words.url if words.url else ""]
    return say(chat, "\n\n".join(line for line in lines if line))


def say(chat: str, text: str) -> Outcome:
    reply = _ask(
        "sendMessage",
        {"chat_id": chat, "text": text[:MOST_CHARACTERS], "link_preview_options": {"is_disabled": True}},
    )
    if reply.is_good and reply.data.get("ok") is True:
        return THROUGH
    if reply.status == 403:
        return Outcome(Came.GONE, "The bot is blocked, or the chat is closed.")
    if reply.status == 400:
        return Outcome(Came.NEVER, "Telegram does not know this chat.")
    if reply.status == 0:
        return Outcome(Came.LATER, f"No answer of Telegram ({reply.failure}).")
    asked = reply.data.get("parameters")
    wait = asked.get("retry_after") if isinstance(asked, dict) else None
    seconds = float(wait) if isinstance(wait, int) and 0 < wait < 86_400 else reply.retry_after
    return Outcome(Came.LATER, f"Telegram answered {reply.status}.", seconds)


def hear() -> Iterator[Said]:
    """Yield what was written to the bot since it was last confirmed; asking on confirms what came before.

    What is heard twice, because a worker died in between, changes nothing: a code counts once.
    """
    offset = 0
    for _ in range(MOST_ROUNDS):
        reply = _ask("getUpdates", {"offset": offset, "timeout": 0, "allowed_updates": ["message"]})
        updates = reply.data.get("result") if reply.is_good else None
        if not isinstance(updates, list) or not updates:
            return
        for update in updates:
            if (said := parsed(update)) is not None:
                yield said
        numbers = [
            one["update_id"] for one in updates if isinstance(one, dict) and isinstance(one.get("update_id"), int)
        ]
        if not numbers:
            return
        offset = max(numbers) + 1


def parsed(update: Any) -> Said | None:
    """Return what an update says; None where it is no text in a private chat."""
    message = update.get("message") if isinstance(update, dict) else None
    chat = message.get("chat") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(chat, dict) or chat.get("type") != "private":
        return None
    text, chat_id, number = message.get("text"), chat.get("id"), update.get("update_id")
    if not isinstance(text, str) or not isinstance(chat_id, int) or not isinstance(number, int):
        return None
    return Said(number, str(chat_id), _name(chat), text[:200])


def _name(chat: Mapping[str, Any]) -> str:
    if isinstance(chat.get("username"), str):
        return f"@{chat['username']}"[:100]
    return str(chat.get("first_name") or "Telegram")[:100]


def _ask(method: str, body: Mapping[str, Any]) -> Reply:
    url = f"{settings.TELEGRAM_API_BASE}/bot{settings.TELEGRAM_BOT_TOKEN}/{method}"
    return call(url, orjson.dumps(body), {"Content-Type": "application/json"})
