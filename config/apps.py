"""The wiring as a Django app: its commands, and the admin site that operators get."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class ConfigConfig(AppConfig):
    name = "config"
    default = True


class OperatorAdminConfig(admin_apps.AdminConfig):
    """django.contrib.admin with our site; named in INSTALLED_APPS."""

    default = False
    default_site = "config.operator_site.OperatorSite"
