"""Addresses of what one may ask about one's data, under /settings/data/; they are part of the names of accounts."""

from django.urls import path

from accounts.privacy import views

urlpatterns = [
    path("", views.data, name="data"),
    path("archives/", views.request_archive, name="request_archive"),
    path("archives/<uuid:archive_id>/download/", views.download_archive, name="download_archive"),
    path("consents/<str:consent>/give/", views.give_consent, name="give_consent"),
    path("consents/<str:consent>/revoke/", views.revoke_consent, name="revoke_consent"),
    path("leave/", views.leave, name="leave"),
    path("stay/", views.stay, name="stay"),
]
