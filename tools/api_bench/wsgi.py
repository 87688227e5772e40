"""The site, with the views that it is compared with."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.conf import settings  # the environment names them first

settings.ROOT_URLCONF = "tools.api_bench.urls"

from config.wsgi import application  # noqa: E402

__all__ = ["application"]
