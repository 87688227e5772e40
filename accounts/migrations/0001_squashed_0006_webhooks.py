"""All of this app's migrations up to 0006 at once: an empty database is made in a fraction of the time."""

import common.clock
import common.ids
import common.schema
import django.core.serializers.json
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    replaces = [
        ("accounts", "0001_initial"),
        ("accounts", "0002_limits_of_backtests"),
        ("accounts", "0003_limits_of_alerts"),
        ("accounts", "0004_limits_of_backfills"),
        ("accounts", "0005_limits_of_exchange_accounts"),
        ("accounts", "0006_webhooks"),
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
                    ],
                    options={
                        "verbose_name_plural": "audit entries",
                        "ordering": ["-id"],
                        "indexes": [
                            models.Index(fields=["object_kind", "object_id", "-id"], name="audit_by_object"),
                            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
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
                        ("mail_due_at", models.DateTimeField(null=True)),
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
                            models.Index(
                                condition=models.Q(("mail_due_at__isnull", False)),
                                fields=["mail_due_at"],
                                name="notifications_mail_due",
                            ),
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
            ],
        ),
    ]
