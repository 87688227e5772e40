"""Write down everything kept about one person, for a request that reached the operator by letter."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import User
from accounts.services import export_personal_data


class Command(BaseCommand):
    help = "Print everything kept about the person with this e-mail address, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = User.objects.filter(email=email.lower()).first()
        if user is None:
            raise CommandError(f"Nobody here has the address {email}.")
        self.stdout.write(json.dumps(export_personal_data(user=user), cls=DjangoJSONEncoder, indent=2))
