"""Every write about people. Other apps import from here."""

from accounts.services.auditing import audit, changes
from accounts.services.invitations import create_invitation, use_invitation
from accounts.services.notifications import mark_read, notify
from accounts.services.people import change_access, create_person, finish_sign_up, update_profile
from accounts.services.personal_data import erase_person, export_personal_data
from accounts.services.plans import ensure_default_plan
from accounts.services.sign_ins import record_sign_in
from accounts.services.tokens import issue_token, record_token_use, revoke_token

__all__ = [
    "audit",
    "change_access",
    "changes",
    "create_invitation",
    "create_person",
    "ensure_default_plan",
    "erase_person",
    "export_personal_data",
    "finish_sign_up",
    "issue_token",
    "mark_read",
    "notify",
    "record_sign_in",
    "record_token_use",
    "revoke_token",
    "update_profile",
    "use_invitation",
]
