"""Every setting of the platform, and the only place that reads the environment. README.md holds the table for operators.

Without DATABASE_URL and REDIS_URL this is the embedded default: one process, SQLite, everything in threads.
"""

from __future__ import annotations

import os
from pathlib import Path

import environ
from csp.constants import NONE, SELF
from django.core.management.utils import get_random_secret_key

from config import identity
from config.schema_names import SPECTACULAR_SETTINGS  # noqa: F401  # a setting

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- where things live ---------------------------------------------------------------------------------------------
VAR_DIR = Path(env.str("SLIPSTREAM_VAR_DIR", default=str(BASE_DIR / "var"))).resolve()
CANDLE_DIR = Path(env.str("SLIPSTREAM_CANDLE_DIR", default=str(VAR_DIR / "candles")))
# Where candles lie instead, if it is set: a URL that fsspec knows, such as s3://bucket/candles (with s3fs installed).
CANDLE_URL = env.str("SLIPSTREAM_CANDLE_URL", default="")
VAR_DIR.mkdir(parents=True, exist_ok=True)
# Compiled kernels outlive the process that compiled them. numba reads the environment when it is first imported.
NUMBA_CACHE_DIR = env.str("NUMBA_CACHE_DIR", default=str(VAR_DIR / "numba"))
os.environ.setdefault("NUMBA_CACHE_DIR", NUMBA_CACHE_DIR)

DEBUG = env.bool("SLIPSTREAM_DEBUG", default=False)


def _secret_key() -> str:
    """Return the configured secret, or make one once and keep it beside the database (readable by the owner alone)."""
    path = VAR_DIR / "secret_key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(get_random_secret_key())
    return path.read_text()


SECRET_KEY = env.str("SLIPSTREAM_SECRET_KEY", default="") or _secret_key()
DEFAULT_SITE_URL = "http://127.0.0.1:8000"
SITE_URL = env.str("SLIPSTREAM_SITE_URL", default=DEFAULT_SITE_URL)
ALLOWED_HOSTS = env.list("SLIPSTREAM_ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("SLIPSTREAM_TRUSTED_ORIGINS", default=[])
HTTPS = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
BEHIND_PROXY = env.bool("SLIPSTREAM_BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

# --- the product ---------------------------------------------------------------------------------------------------
# "open", "closed" or "invitation".
SIGNUP_MODE = env.str("SLIPSTREAM_SIGNUP", default="open")
# The namespace whose prices the demo trades on, and how much faster than the wall its clock runs.
SIMULATION_SPEED = env.float("SLIPSTREAM_SIMULATION_SPEED", default=60.0)
SIMULATION_SEED = env.int("SLIPSTREAM_SIMULATION_SEED", default=7)

# Accounts elsewhere that log in here (config/identity.py, docs/identity.md).
SOCIALACCOUNT_PROVIDERS = identity.providers(env)

INSTALLED_APPS = [
    "config",
    "community",
    "marketplace",
    "strategies",
    "trading",
    "portfolios",
    "markets",
    "accounts",
    "common",
    "unfold.apps.BasicAppConfig",
    "config.apps.OperatorAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.headless",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    *identity.apps(SOCIALACCOUNT_PROVIDERS),
    "allauth.idp.oidc",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "csp",
    "django_htmx",
    "django_vite",
]

MIDDLEWARE = [
    "common.http.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.http.PrivateAnswersMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.requests.OriginMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.sessions.tracking.SessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "common.http.PlainAddressMiddleware",
    "common.http.DomainErrorMiddleware",
    "accounts.second_factor.SecondFactorMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.person",
                "trading.context_processors.halt",
            ],
        },
    }
]

# --- storage: SQLite unless DATABASE_URL names a PostgreSQL ---------------------------------------------------------
DATABASE_URL = env.str("DATABASE_URL", default="")
DATABASES = {"default": env.db_url_config(DATABASE_URL or f"sqlite:///{VAR_DIR / 'slipstream.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # A deferred transaction that later wants to write fails at once when another wrote meanwhile; an immediate one waits.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    # After a restart of the database every connection in the pool is dead: each is tried before somebody works with it.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    DATABASES["default"]["OPTIONS"] = {
        "pool": {"min_size": 1, "max_size": env.int("SLIPSTREAM_DB_POOL", default=10), "timeout": 20},
        # Values travel beside the statement, not quoted into it: a batch of 100 orders costs an eighth less in Python.
        "server_side_binding": True,
    }
# Behind a pooler that hands a session from one transaction to the next, prepared statements may be gone, and so may what
# a session is told: switch both off.
DB_KEEPS_PLANS = env.bool("SLIPSTREAM_DB_KEEPS_PLANS", default=True)
if DB_KEEPS_PLANS and not DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # PostgreSQL's own figure is a spinning disk's: by it a batch of two thousand rows is found by reading a whole table.
    DATABASES["default"]["OPTIONS"]["options"] = "-c random_page_cost=1.1"
# A pooler that shares sessions loses a cursor that the server holds from one piece of a long list to the next.
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = not DB_KEEPS_PLANS
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- processes: threads and memory unless REDIS_URL names a Redis ---------------------------------------------------
REDIS_URL = env.str("REDIS_URL", default="")
# Every Redis key and channel of ours starts with this; a replay or a test takes another.
REDIS_PREFIX = env.str("SLIPSTREAM_REDIS_PREFIX", default="slipstream:")
# A Redis that hangs must not hang those that ask it.
REDIS_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 5, "health_check_interval": 30}
CELERY_BROKER_URL = REDIS_URL or "memory://localhost"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Who enqueues does not wait for a broker that is away: one more try, and then it is the sweeper's.
    "max_retries": 1,
    "interval_start": 0.1,
    **(
        {"global_keyprefix": f"{REDIS_PREFIX}celery:", "visibility_timeout": 3600}
        if REDIS_URL
        else {"polling_interval": 0.02}
    ),
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "trading"
# On: what leads submit is public when an operator has approved it. Off: as soon as it is through the gate.
LISTING_REVIEW = env.bool("SLIPSTREAM_LISTING_REVIEW", default=False)

# What is sent to servers of strangers, which may hang, keeps no worker from an order either.
WEBHOOK_QUEUE = "webhooks"
# Computing waits in a queue of its own, so that no order ever waits behind a backtest.
COMPUTING_QUEUE = "backtests"
# Mail servers and gateways may hang as well; a receiver of webhooks that does must not delay what is critical to people.
NOTIFICATION_QUEUE = "notifications"
CELERY_TASK_ROUTES = {"accounts.deliver_webhook": {"queue": WEBHOOK_QUEUE}}
CELERY_TASK_ROUTES |= {
    f"accounts.{name}": {"queue": NOTIFICATION_QUEUE}
    for name in (
        "deliver_notification",
        "deliver_digest",
        "send_phone_code",
        "send_due_codes",
        "send_workspace_invitation",
        "poll_telegram",
    )
}
CELERY_TASK_ROUTES |= {
    name: {"queue": COMPUTING_QUEUE}
    for name in (
        "accounts.make_archive",
        "strategies.run_backtest",
        "strategies.run_sweep_chunk",
        "marketplace.check_submission",
        "marketplace.run_reproduction",
        "marketplace.measure_drift",
    )
}
CELERY_TIMEZONE = "UTC"

# allauth counts attempts in the cache, which all processes must share.
CACHES = {
    "default": {
        "BACKEND": "common.cache.OwnKeysRedisCache" if REDIS_URL else "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": f"{REDIS_PREFIX}cache",
    }
}

# --- people --------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
] + [{"NAME": "accounts.passwords.BreachedPasswordValidator"}]
# Passwords known from breaches, beside the 20,000 most common ones that come with Django: the file of SHA-1 sums in
# order that "Have I Been Pwned" offers for download. Asked on this machine; nothing of a password leaves it.
BREACHED_PASSWORDS = env.str("SLIPSTREAM_BREACHED_PASSWORDS", default="")
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SIGNUP_FORM_CLASS = "accounts.signing_up.TermsForm"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# By a code, typed into the page that asked for it: no mail scanner that follows links confirms an address, and who signs
# up with a passkey or a wallet is still here when the address is confirmed, and gets their key then, not before.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_MAX_EMAIL_ADDRESSES = 3
# A changed password or address is told to the address that had the account before.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if HTTPS else "http"
# Failed log-ins are counted by network address, by account with address or known device, and by account (accounts/lockout.py).
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "20/m/ip,5/5m/key",
    "login_failed_account": "50/h/key",
    "signup": "30/m/ip",
    "confirm_email": "5/m/key",
}
# Mail, factors, keys, tokens, exchange accounts, leaving: whoever logged in longer ago than this (seconds) is asked again.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = env.int("SLIPSTREAM_REAUTHENTICATION_SECONDS", default=900)
# "login": a log-in just now is as good as an answer just now (accounts/receivers.py).
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "code", "mfa", "login"]
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_PROXY else 0
# A second factor: codes of an authenticator app, passkeys, and recovery codes that are shown once. A passkey that asks for
# a finger or a PIN is both factors, and logs in alone.
MFA_ADAPTER = "accounts.second_factor.FactorAdapter"
MFA_TOTP_ISSUER = "Slipstream"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
# None: a used code is remembered for one step of half a minute, so one that counted longer could be used twice.
MFA_TOTP_TOLERANCE = 0
MFA_FORMS = {"edit_webauthn": "accounts.forms.PasskeyNameForm"}
# Sessions are listed with where and when they were last seen.
USERSESSIONS_ADAPTER = "accounts.sessions.adapter.SessionsAdapter"
# A database of places by address (MaxMind's format); without one the page of sessions shows addresses alone.
GEOIP_DATABASE = env.str("SLIPSTREAM_GEOIP_DATABASE", default="")
# Apps that sign a person in get a session of their own, named by a header (accounts/app_urls.py); no browser does.
HEADLESS_CLIENTS = ("app",)
SOCIALACCOUNT_ADAPTER = "accounts.social.SocialAdapter"
# An address that somebody else vouches for opens no account that has it here: connect the accounts while logged in.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False
# The site as an OpenID provider: its signing key (RSA, PEM), or the file that holds it, made where it is missing.
IDP_OIDC_ADAPTER = "accounts.provider.ProviderAdapter"
IDENTITY_KEY = env.str("SLIPSTREAM_IDENTITY_KEY", default="")
IDENTITY_KEY_FILE = env.str("SLIPSTREAM_IDENTITY_KEY_FILE", default="" if REDIS_URL else str(VAR_DIR / "identity_key"))
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
# Of one connection or answer, in seconds: without it a mail server that hangs keeps a worker for good.
EMAIL_TIMEOUT = env.int("SLIPSTREAM_EMAIL_TIMEOUT", default=30)
DEFAULT_FROM_EMAIL = env.str("SLIPSTREAM_FROM_EMAIL", default="Slipstream <no-reply@localhost>")

# --- pages ---------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(exist_ok=True)
FRONTEND_DIST = BASE_DIR / "frontend" / "dist"
STATICFILES_DIRS = [FRONTEND_DIST] if FRONTEND_DIST.is_dir() else []
# Vite's file names carry a hash of their content, so finders serve them straight from where they were built.
WHITENOISE_USE_FINDERS = True
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.+[.-][0-9a-zA-Z_-]{8,12}\..+$"
DJANGO_VITE = {"default": {"dev_mode": False, "manifest_path": FRONTEND_DIST / ".vite" / "manifest.json"}}
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        # A form that begins a log-in elsewhere is answered with a redirect there, which browsers hold to this list.
        "form-action": [SELF, *identity.origins(SOCIALACCOUNT_PROVIDERS)],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- the operators' admin -------------------------------------------------------------------------------------------
UNFOLD = {
    "SITE_TITLE": "Slipstream",
    "SITE_HEADER": "Slipstream",
    "SITE_SUBHEADER": "Operators",
    "SITE_SYMBOL": "candlestick_chart",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "config.operator_site.favicon"}],
    "SHOW_VIEW_ON_SITE": False,
    "ENVIRONMENT": "config.operator_site.environment",
    # The site's cobalt.
    "COLORS": {
        "primary": {
            "50": "#f4f6ff",
            "100": "#ebefff",
            "200": "#d3dcff",
            "300": "#b0c0ff",
            "400": "#93a9ff",
            "500": "#5f7df5",
            "600": "#2b50e2",
            "700": "#2343c4",
            "800": "#2038a0",
            "900": "#1f337d",
            "950": "#1a2347",
        }
    },
    "SIDEBAR": {"show_search": True, "navigation": "config.operator_site.navigation"},
}

# --- trading -------------------------------------------------------------------------------------------------------
# A worker that has claimed orders and is silent for so long is taken for dead: the broker is asked about its orders.
CLAIM_LEASE_SECONDS = env.float("SLIPSTREAM_CLAIM_LEASE_SECONDS", default=30.0)
# For crash drills only: places where a process kills itself, with their probabilities (common/failpoints.py).
FAILPOINTS = {name: float(chance) for name, chance in env.dict("SLIPSTREAM_FAILPOINTS", default={}).items()}

# Lets webhooks go to http addresses and into private networks: for trying them on one machine, never for a site.
WEBHOOKS_INSECURE = env.bool("SLIPSTREAM_WEBHOOKS_INSECURE", default=False)

# --- notifications -------------------------------------------------------------------------------------------------
# What signs pushes to browsers (VAPID): a P-256 private key of 32 bytes in URL-safe base64, or the file that holds it.
# The embedded default makes the file. With another key every browser must subscribe anew.
VAPID_KEY = env.str("SLIPSTREAM_VAPID_KEY", default="")
VAPID_KEY_FILE = env.str("SLIPSTREAM_VAPID_KEY_FILE", default="" if REDIS_URL else str(VAR_DIR / "vapid_key"))
TELEGRAM_BOT_TOKEN = env.str("SLIPSTREAM_TELEGRAM_BOT_TOKEN", default="")
TELEGRAM_BOT_NAME = env.str("SLIPSTREAM_TELEGRAM_BOT_NAME", default="")
# With it Telegram tells by itself what is written to the bot (setWebhook with this secret); without it is asked.
TELEGRAM_WEBHOOK_SECRET = env.str("SLIPSTREAM_TELEGRAM_WEBHOOK_SECRET", default="")
TELEGRAM_API_BASE = env.str("SLIPSTREAM_TELEGRAM_API_BASE", default="https://api.telegram.org").rstrip("/")
# "console:" prints, "twilio://ACCOUNT:SECRET@api.twilio.com?from=%2B15550100" sends; without it there are no SMS.
SMS_URL = env.str("SLIPSTREAM_SMS_URL", default="")

# --- privacy -------------------------------------------------------------------------------------------------------
# Where archives of personal data lie until they expire; workers and web must share the folder.
ARCHIVE_DIR = Path(env.str("SLIPSTREAM_ARCHIVE_DIR", default=str(VAR_DIR / "archives")))
ARCHIVE_HOURS = env.int("SLIPSTREAM_ARCHIVE_HOURS", default=48)
# How long who asked to leave may think better of it; 0 closes at once.
LEAVING_DAYS = env.int("SLIPSTREAM_LEAVING_DAYS", default=7)
# The version of the operator's terms that people agree to ("": there are none), and of the risk warning.
TERMS_VERSION = env.str("SLIPSTREAM_TERMS_VERSION", default="")
# Where that text can be read; without it the form that asks names the version alone.
TERMS_URL = env.str("SLIPSTREAM_TERMS_URL", default="")
RISK_VERSION = env.str("SLIPSTREAM_RISK_VERSION", default="2026-11")
# Days after which each is forgotten (docs/privacy.md); 0 keeps it.
RETENTION_DAYS = {
    "sign_ins": env.int("SLIPSTREAM_KEEP_SIGN_INS_DAYS", default=365),
    "addresses": env.int("SLIPSTREAM_KEEP_ADDRESSES_DAYS", default=90),
    "notifications": env.int("SLIPSTREAM_KEEP_NOTIFICATIONS_DAYS", default=365),
    "deliveries": env.int("SLIPSTREAM_KEEP_DELIVERIES_DAYS", default=30),
    "invitations": env.int("SLIPSTREAM_KEEP_INVITATIONS_DAYS", default=90),
}

# --- exchange accounts -----------------------------------------------------------------------------------------------
# Credentials are sealed to this key; who holds its private half, the signer alone, can open them (accounts/sealing.py).
SIGNER_PUBLIC_KEY = env.str("SLIPSTREAM_SIGNER_PUBLIC_KEY", default="")
# For the signer's process alone: its private keys, newest first, or the file that holds them, one a line. With services
# no other process may be given them (a check refuses it). The embedded default keeps the file beside the database.
SIGNER_KEYS = env.list("SLIPSTREAM_SIGNER_KEYS", default=[])
SIGNER_KEY_FILE = env.str("SLIPSTREAM_SIGNER_KEY_FILE", default="" if REDIS_URL else str(VAR_DIR / "signer_keys"))

# --- track records ----------------------------------------------------------------------------------------------------
# What signs the roots of track records: a private key of 32 bytes in URL-safe base64, or the file that holds it. For
# the processes that run tasks; the site itself needs none. The embedded default makes the file (docs/records.md).
RECORD_KEY = env.str("SLIPSTREAM_RECORD_KEY", default="")
RECORD_KEY_FILE = env.str("SLIPSTREAM_RECORD_KEY_FILE", default="" if REDIS_URL else str(VAR_DIR / "record_key"))
# Public keys (hex) whose roots this platform trusts; without any, those that its database names.
RECORD_PUBLIC_KEYS = env.list("SLIPSTREAM_RECORD_PUBLIC_KEYS", default=[])

# --- observing -----------------------------------------------------------------------------------------------------
# Who sends this as a Bearer token may read /metrics; without it operators alone may.
METRICS_TOKEN = env.str("SLIPSTREAM_METRICS_TOKEN", default="")

# --- backtests -----------------------------------------------------------------------------------------------------
# What one job (a backtest, or one chunk of a sweep) may take: seconds of the wall, and memory above an idle worker's.
BACKTEST_SECONDS = env.float("SLIPSTREAM_BACKTEST_SECONDS", default=120.0)
BACKTEST_MEMORY_MIB = env.int("SLIPSTREAM_BACKTEST_MEMORY_MIB", default=1024)

# --- payments --------------------------------------------------------------------------------------------------------
# Without a key everything but paid listings works. Its beginning says which of the processor's modes this is.
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="")
# Several while one is rotated, and one for the messages of connected accounts.
STRIPE_WEBHOOK_SECRETS = [one for one in env.list("STRIPE_WEBHOOK_SECRET", default=[]) if one]
# For a stand-in on this machine; a live key is never sent there.
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="")
# Taxes by the processor's own service.
STRIPE_TAX = env.bool("STRIPE_TAX", default=False)
# What the platform keeps of a subscription (0-0.5), and how long a renewal that fails leaves the right standing.
PLATFORM_FEE_RATIO = env.str("SLIPSTREAM_PLATFORM_FEE", default="0.2")
GRACE_DAYS = env.int("SLIPSTREAM_GRACE_DAYS", default=7)

# --- the API -------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["common.rendering.FastJSON"],
    "DEFAULT_PARSER_CLASSES": ["common.parsers.StrictJSON"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # Before our own tokens: it leaves those alone, and they refuse what they do not know.
        *(["accounts.oauth.OAuthAuthentication"] if "allauth.idp.oidc" in INSTALLED_APPS else []),
        "accounts.app_sessions.AppSessionAuthentication",
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_SCHEMA_CLASS": "accounts.programs.schema.ApiSchema",
    "DEFAULT_PAGINATION_CLASS": "common.pagination.NewestFirst",
    "EXCEPTION_HANDLER": "common.http.api_exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("SLIPSTREAM_LOG_LEVEL", default="WARNING")},
    # Below this it logs every address it asks; Telegram's hold the bot's token, browsers' are as good as a password.
    "loggers": {"urllib3": {"level": "WARNING"}},
}
