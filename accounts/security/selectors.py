"""The security log, put together from the sign-in log and the audit; it keeps no rows of its own."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, F, Model, Q, QuerySet, TextChoices, Value
from django.db.models.functions import Cast

from accounts.models import AuditEntry, SignIn, User
from accounts.selectors import sign_ins_of


class Kind(TextChoices):
    """What an entry is about; the audit's actions begin with the words in `ACTIONS`."""

    SIGN_IN = "sign-ins", "Sign-ins"
    REFUSED = "refused", "Refused sign-ins"
    PASSWORD = "passwords", "Passwords"
    FACTOR = "factors", "Factors and passkeys"
    EMAIL = "email", "E-mail"
    SESSION = "sessions", "Sessions"
    TOKEN = "tokens", "API tokens and apps"
    WALLET = "wallets", "Wallets and other accounts"
    ACCESS = "access", "Access"


ACTIONS: dict[str, tuple[str, ...]] = {
    Kind.PASSWORD: ("password.",),
    Kind.FACTOR: ("second_factor.",),
    Kind.EMAIL: ("email.",),
    Kind.SESSION: ("session.",),
    Kind.TOKEN: ("token.", "app."),
    Kind.WALLET: ("wallet.", "social_account."),
    Kind.ACCESS: ("access.", "person."),
}
_COLUMNS = ("at", "what", "from_address", "agent")


def security_log(user: User, kind: str = "") -> QuerySet[Any, dict[str, Any]]:
    """Return the user's entries (`at`, `what`, `from_address`, `agent`), newest first, of one kind or of all.

    `what` is "sign_in.accepted", "sign_in.refused" or the audit's action. An act counts as theirs when they did it or
    when it was done to their account.
    """
    parts: list[QuerySet[Any, dict[str, Any]]] = []
    if kind in ("", Kind.SIGN_IN):
        parts.append(_columns(sign_ins_of(user).filter(succeeded=True), Value("sign_in.accepted"), F("user_agent")))
    if kind in ("", Kind.REFUSED):
        parts.append(_columns(sign_ins_of(user).filter(succeeded=False), Value("sign_in.refused"), F("user_agent")))
    wanted = [word for name, words in ACTIONS.items() if kind in ("", name) for word in words]
    if wanted:
        parts.append(_columns(_acts(user, wanted), F("action"), Value("")))
    first, *others = parts
    return first.union(*others, all=True).order_by("-at")


def _acts(user: User, beginnings: list[str]) -> QuerySet[AuditEntry]:
    about = Q(actor=user) | Q(object_kind=User._meta.label_lower, object_id=str(user.pk))
    starts = Q()
    for beginning in beginnings:
        starts |= Q(action__startswith=beginning)
    return AuditEntry.objects.filter(about & starts)


def _columns(rows: QuerySet[Any], what: Any, agent: Any) -> QuerySet[Any, dict[str, Any]]:
    model: type[Model] = rows.model
    assert model in (SignIn, AuditEntry)
    found: QuerySet[Any, dict[str, Any]] = (
        rows.order_by()
        .annotate(
            what=Cast(what, CharField(max_length=60)),
            from_address=F("address"),
            agent=Cast(agent, CharField(max_length=300)),
        )
        .values(*_COLUMNS)
    )
    return found
