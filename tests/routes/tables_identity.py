"""Who gets what of identity, as in tables.py."""

# Views that are allauth's, by the beginnings of their names.
ALLAUTHS = (
    "account_",
    "mfa_",
    "usersessions_",
    "socialaccount_",
    "apple_",
    "github_",
    "google_",
    "openid_connect_",
    "idp:",
    "authorize",
)
# Sent by programs, or by another site's page, as their protocols have it: proven by a secret or a signed state instead.
# The provider's door answers such a page with a question to the person, whose answer needs our token.
OPEN_BY_PROTOCOL = frozenset({"apple_callback", "authorize", "idp:oidc:authorization", "idp:oidc:userinfo"})

IDENTITY = """
route                                    method  nobody   charlie  bob      alice    operator revoked
"""
