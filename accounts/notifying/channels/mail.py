"""E-mail: one notification, or a digest of several."""

from __future__ import annotations

from collections.abc import Sequence
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import BadHeaderError, send_mail

from accounts.notifying.channels.outcome import THROUGH, Came, Outcome
from accounts.registry import Description

_FOOT = "Which of these you get, and when: "


def send(address: str, news: Sequence[Description]) -> Outcome:
    """Send what happened to an address: one thing under its own title, several as a digest."""
    if len(news) == 1:
        subject, body = news[0].title, _text(news[0])
    else:
        subject = f"{len(news)} notifications from Slipstream"
        body = "\n\n———\n\n".join(map(_text, news))
        body += f"\n\n———\n\n{_FOOT}{settings.SITE_URL}/settings/notifications/settings/"
    try:
        # A title may hold a name that somebody chose: a line's end in it is no header of ours.
        taken = send_mail(" ".join(subject.split()), f"{body}\n", None, [address])
    except (SMTPException, OSError, BadHeaderError) as error:
        return Outcome(Came.LATER, f"The mail server did not take it ({type(error).__name__}).")
    return THROUGH if taken else Outcome(Came.LATER, "The mail server did not take it.")


def _text(words: Description) -> str:
    lines = [words.title, words.body, settings.SITE_URL + words.url if words.url else ""]
    return "\n\n".join(line for line in lines if line)
