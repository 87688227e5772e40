"""Who: people, their public profile, tokens, limits, notifications, and the audit of what they did."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Never
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import RegexValidator
from django.db import IntegrityError, models, transaction
from django.db.models.functions import Length

from accounts.audit_log import models as _audit_log  # noqa: F401  # Django looks for an app's models here
from accounts.notifying import models as _notifying  # noqa: F401  # as above
from accounts.privacy import models as _privacy  # noqa: F401  # as above
from accounts.programs import models as _programs  # noqa: F401  # as above
from accounts.programs.scopes import ALL_SCOPES, Scope
from accounts.teams import models as _teams  # noqa: F401  # as above
from accounts.wallets import models as _wallets  # noqa: F401  # as above
from accounts.webhooks import models as _webhooks  # noqa: F401  # as above
from common.clock import wall_now
from common.ids import new_id

HANDLE_PATTERN = r"^[a-z0-9_]{3,30}\Z"
# Names that would let somebody pass for the house.
RESERVED_HANDLES = frozenset({"admin", "api", "erased", "operator", "root", "slipstream", "staff", "support", "system"})


# Marks in a User-Agent header, the particular before the general: Edge also calls itself Chrome, and Chrome Safari.
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


class LimitName(models.TextChoices):
    """What a plan limits; the value is the number a person may have at once, or that one of their jobs may take."""

    PORTFOLIOS = "portfolios", "portfolios"
    STRATEGIES = "strategies", "strategies"
    RUNNING_RUNS = "running_runs", "running strategies"
    FOLLOWS = "follows", "follows"
    API_TOKENS = "api_tokens", "API tokens"
    BACKTESTS = "backtests", "stored backtests and sweeps"
    RUNNING_BACKTESTS = "running_backtests", "backtests computed at a time"
    BACKTEST_CANDLES = "backtest_candles", "candles in one backtest"
    SWEEP_POINTS = "sweep_points", "points in one sweep"
    PRICE_ALERTS = "price_alerts", "price alerts that wait"
    WATCH_LISTS = "watch_lists", "watch lists"
    WATCHED_INSTRUMENTS = "watched_instruments", "instruments on one watch list"
    BACKFILLS = "backfills", "histories being loaded"
    EXCHANGE_ACCOUNTS = "exchange_accounts", "exchange accounts"
    API_REQUESTS = "api_requests", "API requests a minute, of each token"


# The plans that a fresh database begins with: the default one, which everybody has, and one for operators to sell. They
# change the rows, not these tables.
FREE, PRO = "Free", "Pro"
DEFAULT_LIMITS: dict[str, int] = {
    LimitName.PORTFOLIOS: 20,
    LimitName.STRATEGIES: 50,
    LimitName.RUNNING_RUNS: 20,
    LimitName.FOLLOWS: 50,
    LimitName.API_TOKENS: 10,
    LimitName.BACKTESTS: 500,
    LimitName.RUNNING_BACKTESTS: 2,
    # Four years of minutes, over all instruments together.
    LimitName.BACKTEST_CANDLES: 2_200_000,
    LimitName.SWEEP_POINTS: 2_000,
    LimitName.PRICE_ALERTS: 200,
    LimitName.WATCH_LISTS: 20,
    LimitName.WATCHED_INSTRUMENTS: 200,
    LimitName.BACKFILLS: 3,
    LimitName.EXCHANGE_ACCOUNTS: 10,
    LimitName.API_REQUESTS: 600,
}
PRO_LIMITS: dict[str, int] = {
    LimitName.PORTFOLIOS: 100,
    LimitName.STRATEGIES: 500,
    LimitName.RUNNING_RUNS: 100,
    LimitName.FOLLOWS: 250,
    LimitName.API_TOKENS: 50,
    LimitName.BACKTESTS: 5_000,
    LimitName.RUNNING_BACKTESTS: 4,
    # Eight years of minutes: what a job may take of memory holds them.
    LimitName.BACKTEST_CANDLES: 4_400_000,
    LimitName.SWEEP_POINTS: 10_000,
    LimitName.PRICE_ALERTS: 1_000,
    LimitName.WATCH_LISTS: 100,
    LimitName.WATCHED_INSTRUMENTS: 500,
    LimitName.BACKFILLS: 6,
    LimitName.EXCHANGE_ACCOUNTS: 50,
    LimitName.API_REQUESTS: 6_000,
}


class UserManager(BaseUserManager["User"]):
    """Creates users by e-mail address, each with a profile."""

    @transaction.atomic
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        Profile.objects.create_for(user)
        return user

    @transaction.atomic
    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an operator whose address counts as confirmed: whoever runs commands here need not prove it by mail."""
        from allauth.account.models import EmailAddress  # it needs our user model first

        user = self.create_user(email, password, is_staff=True, is_superuser=True, **fields)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by e-mail address to us and by `Profile.handle` to others."""

    if TYPE_CHECKING:
        profile: Profile

    # What this person may reach in the request under way: all that is theirs (None), or what their token names. Every
    # gate to a portfolio asks it (portfolios/access.py: reachable), so that no door has to.
    token_portfolios: frozenset[UUID] | None = None

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField("operator", default=False)
    joined_at = models.DateTimeField(default=wall_now, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.email


class Plan(models.Model):
    """A set of limits; whoever has no plan of their own has the default one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60, unique=True)
    is_default = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["is_default"], condition=models.Q(is_default=True), name="one_default_plan")
        ]

    def __str__(self) -> str:
        return self.name


class Limit(models.Model):
    """How many of one thing a plan allows; a name a plan does not list is taken from the default plan."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="limits")
    name = models.CharField(max_length=40, choices=LimitName.choices)
    value = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["plan", "name"], name="one_limit_per_plan_and_name")]

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


class ProfileManager(models.Manager["Profile"]):
    """Makes profiles with a free handle."""

    def create_for(self, user: User) -> Profile:
        """Make the user's profile; the handle comes from the address, with a number where it is taken."""
        stem = handle_stem(user.email)
        number = 1
        while True:
            handle = stem if number == 1 else f"{stem}{number}"
            if handle not in RESERVED_HANDLES and not self.filter(handle=handle).exists():
                try:
                    # A savepoint: somebody else may take the handle between the question and the insert.
                    with transaction.atomic():
                        return self.create(user=user, handle=handle, display_name=handle)
                except IntegrityError:
                    if self.filter(user=user).exists():
                        raise
            number += 1


def handle_stem(email: str) -> str:
    """Return what a handle is made of: the address before the @, 3 to 24 characters (room for a number)."""
    local = re.sub(r"[^a-z0-9]+", "_", email.partition("@")[0].lower()).strip("_")[:24]
    return local if len(local) >= 3 else f"trader_{local}".rstrip("_")


class Profile(models.Model):
    """What others see of a person."""

    user = models.OneToOneField(User, primary_key=True, on_delete=models.CASCADE, related_name="profile")
    handle = models.CharField(
        max_length=30,
        unique=True,
        validators=[RegexValidator(HANDLE_PATTERN, "Use 3 to 30 of a–z, 0–9 and _.")],
    )
    display_name = models.CharField(max_length=60)
    bio = models.TextField(max_length=1000, blank=True)
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="profiles")

    objects: ClassVar[ProfileManager] = ProfileManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(handle__regex=HANDLE_PATTERN), name="handle_is_well_formed"),
        ]

    def __str__(self) -> str:
        return f"@{self.handle}"


class Invitation(models.Model):
    """A right to sign up once, while sign-up is by invitation; tied to an address where one is given."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(max_length=64, unique=True)
    email = models.EmailField(blank=True)
    created_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="invitations")
    created_at = models.DateTimeField(default=wall_now, editable=False)
    expires_at = models.DateTimeField()
    used_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="invitations_used")
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"Invitation for {self.email or 'anybody'}"


def all_scopes() -> list[str]:
    return list(ALL_SCOPES)


class ApiToken(models.Model):
    """A program's key to its owner's account. Only its SHA-256 is stored: the token itself is shown once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60)
    # The first characters of the token, so that its owner can tell one from another.
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=wall_now, editable=False)
    last_used_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    # What it may do; tokens from before there were scopes may do everything.
    scopes = models.JSONField(default=all_scopes)
    # Networks ("192.0.2.0/24") it may come from, and portfolios (ids) it may reach; empty lists limit nothing.
    networks = models.JSONField(default=list, blank=True)
    portfolios = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "API token"
        constraints = [
            models.CheckConstraint(
                condition=models.lookups.Exact(Length("digest"), 64),
                name="only_a_digest_is_stored",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def scopes_in_words(self) -> str:
        """What it may do, for its owner."""
        if set(self.scopes) == set(ALL_SCOPES):
            return "everything"
        return ", ".join(scope.value for scope in Scope if scope in self.scopes)


class AppendOnlyQuerySet(models.QuerySet["AuditEntry"]):
    """Refuses to rewrite history."""

    def update(self, **fields: Any) -> Never:
        raise TypeError("Audit entries are never changed.")

    def delete(self) -> Never:
        raise TypeError("Audit entries are never deleted.")


class AuditEntry(models.Model):
    """Who did what to which object, when, from where. Never updated or deleted, free of secrets and of free text."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=wall_now, editable=False)
    # Null: the platform itself.
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="audit_entries")
    action = models.CharField(max_length=60)
    object_kind = models.CharField(max_length=60)
    object_id = models.CharField(max_length=64)
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    # As what the actor did it: "owner" of what is theirs, their role in a workspace, "delegate", "operator"; "" of none.
    role = models.CharField(max_length=40, blank=True)
    # Whose the object was, where it was a workspace's. (A key and no relation: a workspace may go, this stays.)
    workspace_id = models.UUIDField(null=True)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            # "What happened to this object?" and "what did I do?", newest first.
            models.Index(fields=["object_kind", "object_id", "-id"], name="audit_by_object"),
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(
                fields=["workspace_id", "-id"],
                condition=models.Q(workspace_id__isnull=False),
                name="audit_by_workspace",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("Audit entries are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        raise TypeError("Audit entries are never deleted.")


class SignIn(models.Model):
    """One attempt to log in. A failed one keeps only a keyed digest of the address that was typed."""

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(default=wall_now, editable=False)
    user = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="sign_ins")
    email_digest = models.CharField(max_length=64)
    succeeded = models.BooleanField()
    address = models.GenericIPAddressField(null=True)
    # SHA-256 of the random device cookie; blank where the browser had none yet.
    device_digest = models.CharField(max_length=64, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name = "sign-in"
        indexes = [models.Index(fields=["user", "-id"], name="sign_ins_by_user")]

    def __str__(self) -> str:
        return f"{'Sign-in' if self.succeeded else 'Refused sign-in'} at {self.at:%Y-%m-%d %H:%M}"

    @property
    def browser(self) -> str:
        """The browser in words, as far as it says who it is: "Firefox on Linux", "curl"."""
        browser = next((name for mark, name in _BROWSERS if mark in self.user_agent), "")
        system = next((name for mark, name in _SYSTEMS if mark in self.user_agent), "")
        return " on ".join(filter(None, (browser, system))) or self.user_agent.partition("/")[0][:30] or "–"


class Notification(models.Model):
    """Something a person should know: shown in the pages, and sent on the channels that they chose (accounts/notifying)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    event = models.CharField(max_length=60)
    context = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    created_at = models.DateTimeField(default=wall_now, editable=False)
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="notifications_by_user"),
            # Every page counts the unread ones.
            models.Index(fields=["user"], condition=models.Q(read_at=None), name="notifications_unread"),
            models.Index(fields=["created_at"], name="notifications_age"),
        ]

    def __str__(self) -> str:
        return self.event
