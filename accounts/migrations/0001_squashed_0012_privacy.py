"""All of this app's migrations up to 0012 at once: an empty database is made in a fraction of the time."""

import accounts.models
import common.clock
import common.ids
import common.schema
import datetime
import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models

from accounts.migrations._append_only import guard, unguard


class Migration(migrations.Migration):
    replaces = [
        ("accounts", "0001_initial"),
        ("accounts", "0002_limits_of_backtests"),
        ("accounts", "0003_limits_of_alerts"),
        ("accounts", "0004_limits_of_backfills"),
        ("accounts", "0005_limits_of_exchange_accounts"),
        ("accounts", "0006_webhooks"),
        ("accounts", "0007_wallets"),
        ("accounts", "0008_programs"),
        ("accounts", "0009_teams"),
        ("accounts", "0010_audit"),
        ("accounts", "0011_notifying"),
        ("accounts", "0012_privacy"),
    ]

    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        common.schema.CreateModels(
            operations=[
                migrations.CreateModel(
                    name="User",
                    fields=[
                        ("password", models.CharField(max_length=128, verbose_name="password")),
                        ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                        (
                            "is_superuser",
                            models.BooleanField(
                                default=False,
                                help_text="Designates that this user has all permissions without explicitly assigning them.",
                                verbose_name="superuser status",
                            ),
                        ),
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("email", models.EmailField(max_length=254, unique=True)),
                        ("is_active", models.BooleanField(default=True)),
                        ("is_staff", models.BooleanField(default=False, verbose_name="operator")),
                        ("joined_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        (
                            "groups",
                            models.ManyToManyField(
                                blank=True,
                                help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                                related_name="user_set",
                                related_query_name="user",
                                to="auth.group",
                                verbose_name="groups",
                            ),
                        ),
                        (
                            "user_permissions",
                            models.ManyToManyField(
                                blank=True,
                                help_text="Specific permissions for this user.",
                                related_name="user_set",
                                related_query_name="user",
                                to="auth.permission",
                                verbose_name="user permissions",
                            ),
                        ),
                    ],
                    options={
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="Invitation",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("code", models.CharField(max_length=64, unique=True)),
                        ("email", models.EmailField(blank=True, max_length=254)),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("expires_at", models.DateTimeField()),
                        ("used_at", models.DateTimeField(null=True)),
                        (
                            "created_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="invitations",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "used_by",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="invitations_used",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                    },
                ),
                migrations.CreateModel(
                    name="Plan",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("name", models.CharField(max_length=60, unique=True)),
                        ("is_default", models.BooleanField(default=False)),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("is_default", True)),
                                fields=("is_default",),
                                name="one_default_plan",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="ApiToken",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("name", models.CharField(max_length=60)),
                        ("prefix", models.CharField(max_length=12)),
                        ("digest", models.CharField(max_length=64, unique=True)),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("last_used_at", models.DateTimeField(null=True)),
                        ("expires_at", models.DateTimeField(null=True)),
                        ("revoked_at", models.DateTimeField(null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="api_tokens",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("networks", models.JSONField(blank=True, default=list)),
                        ("portfolios", models.JSONField(blank=True, default=list)),
                        ("scopes", models.JSONField(default=accounts.models.all_scopes)),
                    ],
                    options={
                        "verbose_name": "API token",
                        "ordering": ["-id"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=django.db.models.lookups.Exact(
                                    django.db.models.functions.text.Length("digest"), 64
                                ),
                                name="only_a_digest_is_stored",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="AuditEntry",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("action", models.CharField(max_length=60)),
                        ("object_kind", models.CharField(max_length=60)),
                        ("object_id", models.CharField(max_length=64)),
                        ("before", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, null=True)),
                        ("after", models.JSONField(encoder=django.core.serializers.json.DjangoJSONEncoder, null=True)),
                        ("address", models.GenericIPAddressField(null=True)),
                        ("request_id", models.CharField(blank=True, max_length=64)),
                        (
                            "actor",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="audit_entries",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("role", models.CharField(blank=True, max_length=40)),
                        ("workspace_id", models.UUIDField(null=True)),
                    ],
                    options={
                        "verbose_name_plural": "audit entries",
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(fields=["object_kind", "object_id", "-id"], name="audit_by_object"),
                            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
                            models.Index(
                                condition=models.Q(("workspace_id__isnull", False)),
                                fields=["workspace_id", "-id"],
                                name="audit_by_workspace",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Notification",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("event", models.CharField(max_length=60)),
                        (
                            "context",
                            models.JSONField(default=dict, encoder=django.core.serializers.json.DjangoJSONEncoder),
                        ),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("read_at", models.DateTimeField(null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="notifications",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(fields=["user", "-id"], name="notifications_by_user"),
                            models.Index(
                                condition=models.Q(("read_at", None)), fields=["user"], name="notifications_unread"
                            ),
                            models.Index(fields=["created_at"], name="notifications_age"),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Limit",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        (
                            "name",
                            models.CharField(
                                choices=[
                                    ("portfolios", "portfolios"),
                                    ("strategies", "strategies"),
                                    ("running_runs", "running strategies"),
                                    ("follows", "follows"),
                                    ("api_tokens", "API tokens"),
                                    ("backtests", "stored backtests and sweeps"),
                                    ("running_backtests", "backtests computed at a time"),
                                    ("backtest_candles", "candles in one backtest"),
                                    ("sweep_points", "points in one sweep"),
                                    ("price_alerts", "price alerts that wait"),
                                    ("watch_lists", "watch lists"),
                                    ("watched_instruments", "instruments on one watch list"),
                                    ("backfills", "histories being loaded"),
                                    ("exchange_accounts", "exchange accounts"),
                                    ("api_requests", "API requests a minute, of each token"),
                                ],
                                max_length=40,
                            ),
                        ),
                        ("value", models.PositiveIntegerField()),
                        (
                            "plan",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE, related_name="limits", to="accounts.plan"
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(fields=("plan", "name"), name="one_limit_per_plan_and_name")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="SignIn",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("email_digest", models.CharField(max_length=64)),
                        ("succeeded", models.BooleanField()),
                        ("address", models.GenericIPAddressField(null=True)),
                        ("device_digest", models.CharField(blank=True, max_length=64)),
                        ("user_agent", models.CharField(blank=True, max_length=300)),
                        (
                            "user",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="sign_ins",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name": "sign-in",
                        "ordering": ["-id"],
                        "indexes": [models.Index(fields=["user", "-id"], name="sign_ins_by_user")],
                    },
                ),
                migrations.CreateModel(
                    name="Profile",
                    fields=[
                        (
                            "user",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="profile",
                                serialize=False,
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "handle",
                            models.CharField(
                                max_length=30,
                                unique=True,
                                validators=[
                                    django.core.validators.RegexValidator(
                                        "^[a-z0-9_]{3,30}\\Z", "Use 3 to 30 of a–z, 0–9 and _."
                                    )
                                ],
                            ),
                        ),
                        ("display_name", models.CharField(max_length=60)),
                        ("bio", models.TextField(blank=True, max_length=1000)),
                        (
                            "plan",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="profiles",
                                to="accounts.plan",
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("handle__regex", "^[a-z0-9_]{3,30}\\Z")),
                                name="handle_is_well_formed",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WebhookCursor",
                    fields=[
                        ("source", models.CharField(max_length=40, primary_key=True, serialize=False)),
                        ("position", models.CharField(max_length=40)),
                    ],
                ),
                migrations.CreateModel(
                    name="WebhookEndpoint",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("url", models.CharField(max_length=500)),
                        ("events", models.JSONField()),
                        ("secret", models.TextField()),
                        ("old_secret", models.TextField(blank=True)),
                        ("old_secret_until", models.DateTimeField(null=True)),
                        ("failing_since", models.DateTimeField(null=True)),
                        ("paused_until", models.DateTimeField(null=True)),
                        ("disabled_at", models.DateTimeField(null=True)),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="webhooks",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["id"],
                    },
                ),
                migrations.CreateModel(
                    name="WebhookDelivery",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("event_id", models.CharField(max_length=64)),
                        ("event", models.CharField(max_length=60)),
                        ("body", models.TextField()),
                        (
                            "state",
                            models.CharField(
                                choices=[("PENDING", "Waiting"), ("DELIVERED", "Delivered"), ("FAILED", "Given up")],
                                default="PENDING",
                                max_length=9,
                            ),
                        ),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("due_at", models.DateTimeField()),
                        ("handed_at", models.DateTimeField(null=True)),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("status", models.PositiveSmallIntegerField(null=True)),
                        ("latency_ms", models.PositiveIntegerField(null=True)),
                        ("excerpt", models.CharField(blank=True, max_length=500)),
                        (
                            "endpoint",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="deliveries",
                                to="accounts.webhookendpoint",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state", "PENDING")), fields=["due_at"], name="webhook_due"
                            ),
                            models.Index(fields=["endpoint", "-id"], name="webhook_log"),
                            models.Index(fields=["created_at"], name="webhook_age"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(fields=("endpoint", "event_id"), name="webhook_event_once")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WalletChallenge",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "chain",
                            models.CharField(choices=[("ETHEREUM", "Ethereum"), ("SOLANA", "Solana")], max_length=10),
                        ),
                        ("address", models.CharField(max_length=64)),
                        ("purpose", models.CharField(choices=[("LOGIN", "log in"), ("LINK", "link")], max_length=10)),
                        ("nonce", models.CharField(max_length=64, unique=True)),
                        ("message", models.TextField()),
                        ("expires_at", models.DateTimeField(db_index=True)),
                        ("used_at", models.DateTimeField(null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                ),
                migrations.CreateModel(
                    name="Wallet",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "chain",
                            models.CharField(choices=[("ETHEREUM", "Ethereum"), ("SOLANA", "Solana")], max_length=10),
                        ),
                        ("address", models.CharField(max_length=64)),
                        ("linked_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("last_used_at", models.DateTimeField(null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="wallets",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["id"],
                        "constraints": [
                            models.UniqueConstraint(fields=("chain", "address"), name="one_owner_per_wallet")
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="KeyedRequest",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("digest", models.CharField(max_length=64)),
                        ("request_hash", models.CharField(max_length=64)),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("claimed_until", models.DateTimeField()),
                        ("attempt", models.PositiveIntegerField(default=1)),
                        ("status", models.PositiveSmallIntegerField(null=True)),
                        ("media_type", models.CharField(blank=True, max_length=100)),
                        ("answer", models.BinaryField(default=b"")),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="keyed_requests",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "indexes": [models.Index(fields=["created_at"], name="keyed_requests_by_age")],
                        "constraints": [models.UniqueConstraint(fields=("user", "digest"), name="one_request_per_key")],
                    },
                ),
                migrations.CreateModel(
                    name="Workspace",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("name", models.CharField(max_length=60)),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                    ],
                    options={
                        "ordering": ["name", "id"],
                    },
                ),
                migrations.CreateModel(
                    name="PermissionSet",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="permission_sets",
                                to="accounts.workspace",
                            ),
                        ),
                        ("name", models.CharField(max_length=40)),
                        ("may_view", models.BooleanField(default=True, editable=False)),
                        ("may_trade", models.BooleanField(default=False)),
                        ("may_follow", models.BooleanField(default=False)),
                        ("may_publish", models.BooleanField(default=False)),
                        ("may_manage", models.BooleanField(default=False)),
                        ("may_manage_keys", models.BooleanField(default=False)),
                        ("may_manage_members", models.BooleanField(default=False)),
                        ("may_approve", models.BooleanField(default=False)),
                        ("may_audit", models.BooleanField(default=False)),
                    ],
                    options={
                        "ordering": ["name", "id"],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("workspace", "name"), name="permission_set_name_per_workspace"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Membership",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="memberships",
                                to="accounts.workspace",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="memberships",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("owner", "Owner"),
                                    ("admin", "Admin"),
                                    ("trader", "Trader"),
                                    ("analyst", "Analyst"),
                                    ("viewer", "Viewer"),
                                ],
                                max_length=10,
                            ),
                        ),
                        (
                            "permission_set",
                            models.ForeignKey(
                                blank=True,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="memberships",
                                to="accounts.permissionset",
                            ),
                        ),
                        ("joined_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                    ],
                    options={
                        "ordering": ["id"],
                        "constraints": [
                            models.UniqueConstraint(fields=("workspace", "user"), name="membership_once"),
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("role", "owner"), _negated=True),
                                    ("permission_set", None),
                                    _connector="OR",
                                ),
                                name="owner_has_all_permissions",
                            ),
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="WorkspaceInvitation",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "workspace",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="invitations",
                                to="accounts.workspace",
                            ),
                        ),
                        ("email", models.EmailField(max_length=254)),
                        (
                            "role",
                            models.CharField(
                                choices=[
                                    ("owner", "Owner"),
                                    ("admin", "Admin"),
                                    ("trader", "Trader"),
                                    ("analyst", "Analyst"),
                                    ("viewer", "Viewer"),
                                ],
                                max_length=10,
                            ),
                        ),
                        (
                            "permission_set",
                            models.ForeignKey(
                                null=True,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="accounts.permissionset",
                            ),
                        ),
                        ("digest", models.CharField(max_length=64, unique=True)),
                        (
                            "invited_by",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("expires_at", models.DateTimeField()),
                        ("accepted_at", models.DateTimeField(null=True)),
                        ("withdrawn_at", models.DateTimeField(null=True)),
                    ],
                    options={
                        "ordering": ["-id"],
                    },
                ),
                migrations.CreateModel(
                    name="AuditSeal",
                    fields=[
                        ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                        ("entry_id", models.BigIntegerField(unique=True)),
                        ("previous", models.CharField(max_length=64)),
                        ("hash", models.CharField(max_length=64)),
                        ("sealed_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                    ],
                    options={
                        "ordering": ["number"],
                    },
                ),
                migrations.CreateModel(
                    name="ChannelChoice",
                    fields=[
                        (
                            "id",
                            models.BigAutoField(
                                auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                            ),
                        ),
                        ("event", models.CharField(max_length=60)),
                        (
                            "channel",
                            models.CharField(
                                choices=[
                                    ("MAIL", "E-mail"),
                                    ("PUSH", "Browser"),
                                    ("TELEGRAM", "Telegram"),
                                    ("SMS", "SMS"),
                                    ("WEBHOOK", "Webhook"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("is_on", models.BooleanField()),
                        (
                            "user",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="channel_choices",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("user", "event", "channel"), name="one_choice_per_event_and_channel"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Delivery",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "channel",
                            models.CharField(
                                choices=[
                                    ("MAIL", "E-mail"),
                                    ("PUSH", "Browser"),
                                    ("TELEGRAM", "Telegram"),
                                    ("SMS", "SMS"),
                                    ("WEBHOOK", "Webhook"),
                                ],
                                max_length=8,
                            ),
                        ),
                        ("target", models.CharField(blank=True, max_length=36)),
                        ("is_urgent", models.BooleanField(default=False)),
                        ("in_digest", models.BooleanField(default=False)),
                        (
                            "state",
                            models.CharField(
                                choices=[("PENDING", "Waiting"), ("DELIVERED", "Delivered"), ("FAILED", "Given up")],
                                default="PENDING",
                                max_length=9,
                            ),
                        ),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("planned_at", models.DateTimeField()),
                        ("due_at", models.DateTimeField()),
                        ("handed_at", models.DateTimeField(null=True)),
                        ("done_at", models.DateTimeField(null=True)),
                        ("error", models.CharField(blank=True, max_length=200)),
                        (
                            "notification",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="deliveries",
                                to="accounts.notification",
                            ),
                        ),
                        (
                            "user",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="deliveries",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "verbose_name_plural": "deliveries",
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(
                                condition=models.Q(("state", "PENDING")), fields=["due_at"], name="delivery_due"
                            ),
                            models.Index(fields=["user", "-id"], name="delivery_log"),
                            models.Index(fields=["created_at"], name="delivery_age"),
                        ],
                        "constraints": [
                            models.UniqueConstraint(
                                fields=("notification", "channel", "target"), name="one_delivery_per_channel"
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="PushSubscription",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("endpoint", models.CharField(max_length=1000)),
                        ("digest", models.CharField(max_length=64, unique=True)),
                        ("p256dh", models.CharField(max_length=120)),
                        ("auth", models.CharField(max_length=40)),
                        ("label", models.CharField(max_length=60)),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="push_subscriptions",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["id"],
                    },
                ),
                migrations.CreateModel(
                    name="Reach",
                    fields=[
                        (
                            "user",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="reach",
                                serialize=False,
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("timezone", models.CharField(default="UTC", max_length=64)),
                        ("quiet_from", models.TimeField(null=True)),
                        ("quiet_until", models.TimeField(null=True)),
                        (
                            "digest",
                            models.CharField(
                                choices=[
                                    ("OFF", "At once, one by one"),
                                    ("HOURLY", "One mail an hour"),
                                    ("DAILY", "One mail a day"),
                                ],
                                default="OFF",
                                max_length=6,
                            ),
                        ),
                        ("digest_at", models.TimeField(default=datetime.time(8, 0))),
                        ("telegram_code", models.CharField(blank=True, max_length=64)),
                        ("telegram_code_until", models.DateTimeField(null=True)),
                        ("telegram_chat", models.CharField(blank=True, max_length=32)),
                        ("telegram_name", models.CharField(blank=True, max_length=100)),
                        ("phone", models.CharField(blank=True, max_length=16)),
                        ("phone_verified_at", models.DateTimeField(null=True)),
                        ("phone_code_salt", models.CharField(blank=True, max_length=43)),
                        ("phone_code_until", models.DateTimeField(null=True)),
                        ("phone_code_due_at", models.DateTimeField(null=True)),
                        ("phone_code_tries", models.PositiveSmallIntegerField(default=0)),
                    ],
                    options={
                        "indexes": [
                            models.Index(
                                condition=models.Q(("telegram_code", ""), _negated=True),
                                fields=["telegram_code"],
                                name="reach_telegram_code",
                            ),
                            models.Index(
                                condition=models.Q(("phone_code_due_at__isnull", False)),
                                fields=["phone_code_due_at"],
                                name="reach_phone_code_due",
                            ),
                        ],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(
                                    models.Q(("quiet_from", None), ("quiet_until", None)),
                                    models.Q(("quiet_from__isnull", False), ("quiet_until__isnull", False)),
                                    _connector="OR",
                                ),
                                name="quiet_hours_have_both_ends",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Consent",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "kind",
                            models.CharField(
                                choices=[
                                    ("TERMS", "Terms of use"),
                                    ("RISK", "Risk warning"),
                                    ("MARKETING", "News about Slipstream by mail"),
                                ],
                                max_length=9,
                            ),
                        ),
                        ("version", models.CharField(max_length=40)),
                        ("given_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("revoked_at", models.DateTimeField(null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="consents",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("revoked_at", None)),
                                fields=("user", "kind", "version"),
                                name="one_consent_in_force",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="DataArchive",
                    fields=[
                        (
                            "id",
                            models.UUIDField(
                                default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        (
                            "state",
                            models.CharField(
                                choices=[
                                    ("WAITING", "Waiting"),
                                    ("MAKING", "Being made"),
                                    ("READY", "Ready"),
                                    ("FAILED", "Failed"),
                                    ("EXPIRED", "Expired"),
                                ],
                                default="WAITING",
                                max_length=8,
                            ),
                        ),
                        ("created_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("lease_until", models.DateTimeField(null=True)),
                        ("attempts", models.PositiveSmallIntegerField(default=0)),
                        ("parts_done", models.PositiveSmallIntegerField(default=0)),
                        ("parts", models.PositiveSmallIntegerField(default=0)),
                        ("rows", models.PositiveBigIntegerField(default=0)),
                        ("size_bytes", models.PositiveBigIntegerField(default=0)),
                        ("ready_at", models.DateTimeField(null=True)),
                        ("expires_at", models.DateTimeField(null=True)),
                        (
                            "user",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="archives",
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                        "constraints": [
                            models.UniqueConstraint(
                                condition=models.Q(("state__in", ["WAITING", "MAKING"])),
                                fields=("user",),
                                name="one_archive_at_a_time",
                            )
                        ],
                    },
                ),
                migrations.CreateModel(
                    name="Departure",
                    fields=[
                        (
                            "user",
                            models.OneToOneField(
                                on_delete=django.db.models.deletion.CASCADE,
                                primary_key=True,
                                related_name="departure",
                                serialize=False,
                                to=settings.AUTH_USER_MODEL,
                            ),
                        ),
                        ("asked_at", models.DateTimeField(default=common.clock.wall_now, editable=False)),
                        ("keeps_holdings", models.BooleanField()),
                        ("due_at", models.DateTimeField(db_index=True)),
                        ("obstacle", models.CharField(blank=True, max_length=300)),
                    ],
                ),
            ],
        ),
        migrations.RunPython(guard, unguard),
    ]
