"""Where a session came from, for templates whose view is allauth's."""

from __future__ import annotations

from django import template

from accounts.sessions.devices import device_name, place_name

register = template.Library()
register.filter("device_name", device_name)
register.filter("place_name", place_name)
