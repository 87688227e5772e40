"""Which accounts elsewhere log in here, told by the environment that config/settings.py hands over (docs/identity.md)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from environ import Env

# SAML needs a library that needs libraries of the system's: requirements-saml.in.
HAS_SAML = find_spec("onelogin") is not None
# Where each provider's log-in page stands.
_PAGES = {
    "google": "https://accounts.google.com",
    "github": "https://github.com",
    "apple": "https://appleid.apple.com",
}


def providers(env: Env) -> dict[str, dict[str, Any]]:
    """Return allauth's SOCIALACCOUNT_PROVIDERS: a provider is offered once its variables are set."""
    found: dict[str, dict[str, Any]] = {}
    for name, scope in (("google", ["email", "profile"]), ("github", ["user:email"])):
        if app := _app(env, name):
            found[name] = {"APPS": [app], "SCOPE": scope, "OAUTH_PKCE_ENABLED": True}
    if app := _apple(env):
        found["apple"] = {"APPS": [app]}
    if app := _openid(env):
        found["openid_connect"] = {"APPS": [app], "OAUTH_PKCE_ENABLED": True}
    if HAS_SAML and (app := _saml(env)):
        found["saml"] = {"APPS": [app]}
    return found


def apps(configured: dict[str, dict[str, Any]]) -> list[str]:
    """Return the apps of the providers that are configured: of the others not even an address is there."""
    return [f"allauth.socialaccount.providers.{name}" for name in configured if name != "openid_connect"]


def origins(configured: dict[str, dict[str, Any]]) -> list[str]:
    """Return the sites to which a form of ours may lead: those of the providers that are configured."""
    found = [_PAGES[name] for name in configured if name in _PAGES]
    for app in (app for one in configured.values() for app in one["APPS"]):
        for address in (app["settings"].get("server_url", ""), app["settings"].get("login_origin", "")):
            found += ["{0.scheme}://{0.netloc}".format(urlsplit(address))] if address else []
    return list(dict.fromkeys(found))


def _app(env: Env, name: str) -> dict[str, Any] | None:
    client_id = env.str(f"SLIPSTREAM_{name.upper()}_CLIENT_ID", default="")
    secret = env.str(f"SLIPSTREAM_{name.upper()}_SECRET", default="")
    return {"client_id": client_id, "secret": secret, "settings": {}} if client_id else None


def _apple(env: Env) -> dict[str, Any] | None:
    """Apple's words: the client is a services id, its secret a key's id, and `key` the team's."""
    client_id = env.str("SLIPSTREAM_APPLE_CLIENT_ID", default="")
    if not client_id:
        return None
    key = Path(env.str("SLIPSTREAM_APPLE_KEY_FILE")).read_text()
    team, key_id = env.str("SLIPSTREAM_APPLE_TEAM_ID"), env.str("SLIPSTREAM_APPLE_KEY_ID")
    return {"client_id": client_id, "secret": key_id, "key": team, "settings": {"certificate_key": key}}


def _openid(env: Env) -> dict[str, Any] | None:
    address = env.str("SLIPSTREAM_OPENID_URL", default="")
    if not address:
        return None
    # Where the log-in page stands, if that is another site than the one that describes the provider.
    more = {"login_origin": env.str("SLIPSTREAM_OPENID_LOGIN_ORIGIN", default="")}
    return {
        "provider_id": "openid",
        "name": env.str("SLIPSTREAM_OPENID_NAME", default="OpenID Connect"),
        "client_id": env.str("SLIPSTREAM_OPENID_CLIENT_ID"),
        "secret": env.str("SLIPSTREAM_OPENID_SECRET", default=""),
        "settings": {"server_url": address, **more},
    }


def _saml(env: Env) -> dict[str, Any] | None:
    address = env.str("SLIPSTREAM_SAML_METADATA_URL", default="")
    if not address:
        return None
    # allauth takes `client_id` for the organisation's part of the address: /accounts/saml/<organisation>/.
    return {
        "provider_id": env.str("SLIPSTREAM_SAML_ENTITY_ID"),
        "name": env.str("SLIPSTREAM_SAML_NAME", default="Single sign-on"),
        "client_id": env.str("SLIPSTREAM_SAML_ORGANISATION", default="saml"),
        "settings": {
            "idp": {"entity_id": env.str("SLIPSTREAM_SAML_ENTITY_ID"), "metadata_url": address},
            "attribute_mapping": {
                "uid": "urn:oasis:names:tc:SAML:attribute:subject-id",
                "email": env.str("SLIPSTREAM_SAML_EMAIL_ATTRIBUTE", default="urn:oid:0.9.2342.19200300.100.1.3"),
            },
            "login_origin": env.str("SLIPSTREAM_SAML_LOGIN_ORIGIN", default=address),
        },
    }
