"""The payment processor's messages under load: ten thousand, doubled and shuffled, against the stand-in over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.bench_rows import Measurement, at_least, row

ROOT = Path(__file__).resolve().parent.parent.parent
EVENTS, SUBSCRIPTIONS = 10_000, 400

# A process of its own, with a database of its own, and the stand-in beside it.
_STAGE = """
import json, subprocess, sys, time
EVENTS, SUBSCRIPTIONS = int(sys.argv[1]), int(sys.argv[2])
command = [sys.executable, "-m", "sandbox.stripe", "--port", "0", "--end-with-stdin"]
process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
base = process.stdout.readline().split(" at ")[1].split()[0]
import os
os.environ |= {"STRIPE_SECRET_KEY": "sk_test_sandbox", "STRIPE_WEBHOOK_SECRET": "whsec_sandbox", "STRIPE_API_BASE": base}
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
import stripe
from django.test import Client
from django.test.utils import setup_test_environment
from urllib.request import urlopen
from accounts.models import User
from accounts.services.plans import ensure_plan
from common import clock
from common.ids import seeded_random
from common.tasks import inline_tasks
from decimal import Decimal
from marketplace.billing import models
from marketplace.billing.services.inbox import process_due
from marketplace.billing.services.pricing import set_plan_price
setup_test_environment()
api = stripe.StripeClient("sk_test_sandbox", base_addresses={"api": base}).v1
operator = User.objects.create_user("olive@example.org", is_staff=True)
with inline_tasks(seeded_random("bench")) as queue:
    price = set_plan_price(operator=operator, plan=ensure_plan(name="Pro", limits={}), interval="month",
                           amount=Decimal(10), currency="usd")
    queue.drain()
price.refresh_from_db()
for number in range(SUBSCRIPTIONS):
    user = User.objects.create_user(f"buyer-{number}@example.org")
    customer = api.customers.create({"email": user.email})
    models.Customer.objects.create(user=user, mode="TEST", processor_id=customer.id)
    card = api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    bought = api.subscriptions.create({"customer": customer.id, "items": [{"price": price.processor_id}],
                                       "default_payment_method": card.id})
    if number % 3 == 0:
        api.subscriptions.cancel(bought.id)
real = json.load(urlopen(f"{base}/sandbox/events"))
events = [dict(real[n % len(real)], id=f"evt_bench_{n}") for n in range(EVENTS)]

def signed(event):
    body, at = json.dumps(event), int(time.time())
    return body, f"t={at},v1={stripe.WebhookSignature._compute_signature(f'{at}.{body}', 'whsec_sandbox')}"

def run(messages):
    client = Client()
    begun = clock.monotonic()
    with inline_tasks(seeded_random("bench")) as queue:
        for body, signature in messages:
            answer = client.post("/webhooks/stripe/", body, "application/json", headers={"Stripe-Signature": signature})
            assert answer.status_code == 200
        while process_due():
            pass
    return clock.monotonic() - begun

def state():
    return (sorted(models.Subscription.objects.values_list("processor_id", "status", "right_until")),
            sorted(models.Invoice.objects.values_list("processor_id", "status", "paid_minor")),
            sorted(models.MoneyLine.objects.values_list("booking", "account", "amount_minor")))

run([signed(event) for event in events])
before = state()
for model in (models.MoneyLine, models.Invoice, models.Subscription, models.ProcessorEvent):
    model.objects.all().delete()
shuffled = events * 2
seeded_random("bench", "shuffled").shuffle(shuffled)
seconds = run([signed(event) for event in shuffled])
after = state()
print(json.dumps({"seconds": seconds, "rows": len(after[0]), "booked": len(after[2]), "differs": int(before != after)}))
process.stdin.close()
process.wait(10)
"""


@row(
    "payment_webhooks",
    what="10,000 messages of the payment processor, doubled and shuffled: worked off to the state they come to in order",
    unit="events/s",
    target=at_least(200),
)
def payment_webhooks(environment: Mapping[str, str]) -> Measurement:
    """From the first at the door until the last is worked off, one process on SQLite; each of 20,000 deliveries is a request."""
    with tempfile.TemporaryDirectory() as folder:
        found = _run(folder, environment)
    if found["differs"] or found["rows"] < SUBSCRIPTIONS:
        raise RuntimeError(f"Shuffled messages came to another state: {found}")
    note = f"{found['rows']:,.0f} subscriptions, {found['booked']:,.0f} lines of money; the same state as in order"
    return Measurement([EVENTS / found["seconds"]], note=note)


def _run(folder: str, environment: Mapping[str, str]) -> Mapping[str, float]:
    unset = {"DATABASE_URL", "REDIS_URL"}
    settings = {"SLIPSTREAM_VAR_DIR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
    own = {key: value for key, value in environment.items() if key not in unset} | settings
    command = [sys.executable, "-c", _STAGE, str(EVENTS), str(SUBSCRIPTIONS)]
    done = subprocess.run(command, cwd=ROOT, env=own, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
