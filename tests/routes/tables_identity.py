"""Who gets what of identity, as in tables.py."""

# Views that are allauth's, by the beginnings of their names.
ALLAUTHS = (
    "account_",
    "mfa_",
    "usersessions_",
    "socialaccount_",
    "openid_connect_",
    "idp:",
    "authorize",
    "no_devices",
    "app_",
)
# Sent by programs, or by another site's page, as their protocols have it: proven by a secret or a signed state instead.
# The provider's door answers such a page with a question to the person, whose answer needs our token.
# An app's doors look at no cookie: what they know is in a header that no page of another site can send.
OPEN_BY_PROTOCOL = frozenset(
    {"authorize", "idp:oidc:authorization", "idp:oidc:logout", "app_login", "app_factor", "app_session"}
)

IDENTITY = """
route                                    method  nobody   charlie  bob      alice    operator revoked
wallet_challenge                         POST    200      200      200      200      200      200
wallet_login                             POST    400      400      400      400      400      400
wallet_signup                            GET     entry    entry    entry    entry    entry    entry
wallet_signup                            POST    entry    entry    entry    entry    entry    entry
app_login                                POST    400      400      400      400      400      400
app_factor                               POST    401      401      401      401      401      401
app_session                              GET     401      401      401      401      401      401
app_session                              DELETE  401      401      401      401      401      401
account_request_reauthentication_code    GET     login    200      200      200      200      login
account_request_reauthentication_code    POST    login    200      200      200      200      login
account_confirm_reauthentication_code    GET     login    done     done     done     done     login
account_confirm_reauthentication_code    POST    login    done     done     done     done     login
account_email_verification_sent          GET     entry    done     done     done     done     entry
account_email_verification_sent          POST    entry    done     done     done     done     entry
account_signup_by_passkey                GET     200      done     done     done     done     200
account_signup_by_passkey                POST    done     done     done     done     done     done
mfa_list_webauthn                        GET     login    200      200      200      200      login
mfa_add_webauthn                         GET     login    200      200      200      200      login
mfa_add_webauthn                         POST    login    200      200      200      200      login
mfa_reauthenticate_webauthn              GET     login    entry    entry    entry    entry    login
mfa_reauthenticate_webauthn              POST    login    entry    entry    entry    entry    login
mfa_remove_webauthn                      GET     login    404      404      404      404      login
mfa_remove_webauthn                      POST    login    404      404      404      404      login
mfa_edit_webauthn                        GET     login    404      404      404      404      login
mfa_edit_webauthn                        POST    login    404      404      404      404      login
mfa_login_webauthn                       GET     entry    done     done     done     done     entry
mfa_login_webauthn                       POST    entry    done     done     done     done     entry
mfa_signup_webauthn                      GET     done     done     done     done     done     done
mfa_signup_webauthn                      POST    done     done     done     done     done     done
usersessions_list                        GET     login    200      200      200      200      login
usersessions_list                        POST    login    done     done     done     done     login
socialaccount_login_cancelled            GET     200      200      200      200      200      200
socialaccount_login_error                GET     401      401      401      401      401      401
socialaccount_signup                     GET     entry    entry    entry    entry    entry    entry
socialaccount_signup                     POST    entry    entry    entry    entry    entry    entry
socialaccount_connections                GET     login    200      200      200      200      login
socialaccount_connections                POST    login    200      200      200      200      login
openid_connect_login                     GET     404      404      404      404      404      404
openid_connect_login                     POST    404      404      404      404      404      404
openid_connect_callback                  GET     404      404      404      404      404      404
authorize                                GET     login    200      200      200      200      login
authorize                                POST    done     done     done     done     done     done
idp:oidc:configuration                   GET     200      200      200      200      200      200
idp:oidc:jwks                            GET     200      200      200      200      200      200
idp:oidc:authorization                   GET     login    200      200      200      200      login
idp:oidc:authorization                   POST    done     done     done     done     done     done
no_devices                               GET     404      404      404      404      404      404
no_devices                               POST    404      404      404      404      404      404
idp:oidc:device_authorization            GET     404      404      404      404      404      404
idp:oidc:device_authorization            POST    404      404      404      404      404      404
idp:oidc:logout                          GET     done     200      200      200      200      done
idp:oidc:logout                          POST    done     200      200      200      200      done
idp:oidc:token                           POST    400      400      400      400      400      400
idp:oidc:revoke                          POST    400      400      400      400      400      400
idp:oidc:device_code                     POST    400      400      400      400      400      400
idp:oidc:userinfo                        GET     401      401      401      401      401      401
accounts:security                        GET     login    200      200      200      200      login
accounts:end_session                     POST    login    404      404      done     404      login
accounts:end_other_sessions              POST    login    done     done     done     done     login
accounts:wallets                         GET     login    200      200      200      200      login
accounts:link_wallet                     POST    login    400      400      400      400      login
accounts:unlink_wallet                   POST    login    404      404      done     404      login
admin:allauth_idp_oidc_client_add        GET     login    login    login    login    200      login
admin:allauth_idp_oidc_client_add        POST    login    login    login    login    200      login
admin:allauth_idp_oidc_client_change     POST    login    login    login    login    200      login
admin:allauth_idp_oidc_client_delete     GET     login    login    login    login    200      login
admin:allauth_idp_oidc_client_delete     POST    login    login    login    login    200      login
"""
