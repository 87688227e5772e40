"""What people are told of their account: the words of each event."""

from __future__ import annotations

from typing import Any

ACCOUNT = "Your account"
WORK = "Workspaces"

# By the event's name: what accounts.registry.register_event takes.
EVENTS: dict[str, dict[str, Any]] = {
    "sign_in.new_device": {
        "title": "A new device logged in to your account",
        "body": "{device}, {place}, {at}. Was it not you? End its session there and change your password.",
        "url": "/accounts/sessions/",
        "label": "A new device logs in",
        "group": ACCOUNT,
        "severity": "warning",
        "security": True,
    },
    "workspace.joined": {
        "title": "@{person} joined {name}",
        "url": "/settings/workspaces/{workspace}/",
        "label": "Somebody joins a workspace of yours",
        "group": WORK,
        "mail": False,
    },
    "workspace.removed": {
        "title": "You do not belong to {name} any more",
        "label": "You leave a workspace",
        "group": WORK,
    },
    "webhook.disabled": {
        "title": "A webhook of yours is switched off",
        "body": "Nothing sent to {url} was taken for three days. Mend it, then switch it on again.",
        "url": "/settings/webhooks/{endpoint}/",
        "label": "A webhook is switched off",
        "group": ACCOUNT,
        "severity": "warning",
    },
    "notification.test": {
        "title": "This is a test",
        "body": "You asked for it on the page of your notifications. Where you read it, notifications reach you.",
        "url": "/settings/notifications/settings/",
        "label": "A test that you asked for",
        "group": ACCOUNT,
        "severity": "critical",
    },
    "archive.ready": {
        "title": "Your data archive is ready",
        "body": "You can download it for {hours} hours; you are asked once more who you are.",
        "url": "/settings/data/",
        "label": "Your data archive is ready",
        "group": ACCOUNT,
        "security": True,
    },
    "account.leaving": {
        "title": "Your account will be closed",
        "body": "On {due} your name, address and settings are erased. If you did not ask for this, or think better of it,"
        " open your account and choose to stay.",
        "url": "/settings/data/",
        "label": "Your account will be closed",
        "group": ACCOUNT,
        "severity": "critical",
        "security": True,
    },
    "account.stays": {
        "title": "Your account stays open",
        "body": "It is no longer going to be closed. Follows that were stopped stay stopped.",
        "url": "/settings/data/",
        "label": "Your account stays open",
        "group": ACCOUNT,
        "security": True,
    },
    "account.not_closed": {
        "title": "Your account could not be closed yet",
        "body": "{reason} It is tried again every hour.",
        "url": "/settings/data/",
        "label": "Your account could not be closed yet",
        "group": ACCOUNT,
        "severity": "warning",
    },
}
