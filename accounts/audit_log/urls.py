"""Addresses of the audit's pages, under /settings/audit/; they are part of the names of accounts."""

from django.urls import path

from accounts.audit_log import views

urlpatterns = [
    path("", views.mine, name="audit"),
    path("export/<slug:form>/", views.export, name="export_audit"),
    path("everybody/", views.everybody, name="audit_of_all"),
    path("everybody/export/<slug:form>/", views.export_everybody, name="export_audit_of_all"),
]
