"""The calls that the processor answers: method, address, handler, and the parameters it takes (a star: it must have it)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sandbox.stripe import (
    catalogue,
    checkout,
    connect,
    customers,
    disputes,
    invoice_items,
    invoices,
    money,
    payments,
    subscription_calls,
)
from sandbox.stripe.call import Call, Handler, in_time, lister, page, retriever
from sandbox.stripe.errors import StripeError, invalid
from sandbox.stripe.world import Obj

LISTED = "limit starting_after ending_before created"
_SUBSCRIPTION = (
    "application_fee_percent automatic_tax billing_cycle_anchor billing_mode cancel_at cancel_at_period_end"
    " collection_method currency days_until_due default_payment_method description discounts items metadata off_session"
    " payment_behavior payment_settings proration_behavior transfer_data trial_end trial_period_days trial_settings"
)
_SESSION = (
    "allow_promotion_codes automatic_tax billing_address_collection cancel_url client_reference_id currency customer"
    " customer_creation customer_email customer_update discounts expires_at invoice_creation line_items locale metadata"
    " mode* payment_intent_data payment_method_collection payment_method_types phone_number_collection"
    " setup_intent_data submit_type subscription_data success_url tax_id_collection ui_mode custom_text"
)
_INVOICE = (
    "application_fee_amount auto_advance automatic_tax collection_method customer days_until_due"
    " default_payment_method description discounts due_date footer metadata payment_settings transfer_data"
)
_PRODUCT = (
    "active default_price_data description id images marketing_features metadata statement_descriptor tax_code type"
)
_CUSTOMER = (
    "address balance description email invoice_settings metadata name payment_method phone preferred_locales"
    " shipping tax tax_exempt"
)


@dataclass(frozen=True, slots=True)
class Route:
    """One call. A part of the address in braces is an id."""

    method: str
    path: str
    handler: Handler
    takes: str = ""
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(re.sub(r"\\{\w+\\}", "([^/]+)", re.escape(self.path)) + "$"))

    def check(self, params: Obj) -> None:
        """Refuse parameters that the call does not know, and the want of one that it needs."""
        known = {name.rstrip("*") for name in self.takes.split()} | {"expand"}
        for name in params:
            if name not in known:
                raise invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
        for name in self.takes.split():
            if name.endswith("*") and params.get(name[:-1]) in (None, ""):
                raise invalid(f"Missing required param: {name[:-1]}.", param=name[:-1], code="parameter_missing")


def _resource(path: str, kind: str, filters: str = "") -> tuple[Route, Route]:
    """Return the two calls that read objects of a kind."""
    return (
        Route("GET", path, lister(kind, path, filters), f"{LISTED} {filters}"),
        Route("GET", f"{path}/{{id}}", retriever(kind)),
    )


def _metadata(kind: str) -> Handler:
    return lambda call: money.update_metadata(call, kind)


def _events(call: Call) -> Obj:
    """List events, also of the types that are named, with a star at their end for all that begin so."""
    types = call.params.get("types") or ([call.params["type"]] if call.params.get("type") else [])
    found = [
        one
        for one in call.world.all("event", call.account)
        if not types or any(one["type"] == t or (t.endswith("*") and one["type"].startswith(t[:-1])) for t in types)
    ]
    return page(call, [one for one in found if in_time(call, one)], "/v1/events")


ROUTES: tuple[Route, ...] = (
    *_resource("/v1/products", "product", "active"),
    Route("POST", "/v1/products", catalogue.create_product, f"name* {_PRODUCT} unit_label url"),
    Route("POST", "/v1/products/{id}", catalogue.update_product, f"name {_PRODUCT} unit_label url default_price"),
    Route("DELETE", "/v1/products/{id}", catalogue.delete_product),
    *_resource("/v1/prices", "price", "active currency product type lookup_key"),
    Route(
        "POST",
        "/v1/prices",
        catalogue.create_price,
        "active billing_scheme currency* lookup_key metadata nickname product product_data recurring tax_behavior"
        " unit_amount unit_amount_decimal",
    ),
    Route("POST", "/v1/prices/{id}", catalogue.update_price, "active lookup_key metadata nickname tax_behavior"),
    *_resource("/v1/coupons", "coupon"),
    Route(
        "POST",
        "/v1/coupons",
        catalogue.create_coupon,
        "amount_off applies_to currency duration duration_in_months id max_redemptions metadata name percent_off redeem_by",
    ),
    Route("POST", "/v1/coupons/{id}", catalogue.update_coupon, "metadata name"),
    Route("DELETE", "/v1/coupons/{id}", catalogue.delete_coupon),
    *_resource("/v1/promotion_codes", "promotion_code", "active code customer"),
    Route(
        "POST",
        "/v1/promotion_codes",
        catalogue.create_promotion_code,
        "active code customer expires_at max_redemptions metadata promotion* restrictions",
    ),
    Route("POST", "/v1/promotion_codes/{id}", catalogue.update_promotion_code, "active metadata"),
    *_resource("/v1/billing/meters", "billing.meter", "status"),
    Route(
        "POST",
        "/v1/billing/meters",
        catalogue.create_meter,
        "customer_mapping default_aggregation* display_name* event_name* event_time_window value_settings",
    ),
    Route("POST", "/v1/billing/meter_events", catalogue.record_usage, "event_name* identifier payload* timestamp"),
    Route(
        "GET",
        "/v1/billing/meters/{id}/event_summaries",
        catalogue.list_usage,
        f"customer* start_time* end_time* value_grouping_window {LISTED}",
    ),
    *_resource("/v1/customers", "customer", "email"),
    Route("POST", "/v1/customers", customers.create_customer, _CUSTOMER),
    Route("POST", "/v1/customers/{id}", customers.update_customer, _CUSTOMER),
    Route("DELETE", "/v1/customers/{id}", customers.delete_customer),
    Route("GET", "/v1/customers/{id}/balance_transactions", customers.list_credits, LISTED),
    Route(
        "POST",
        "/v1/customers/{id}/balance_transactions",
        customers.credit_customer,
        "amount* currency* description metadata",
    ),
    Route("GET", "/v1/customers/{id}/payment_methods", customers.list_methods, f"type {LISTED}"),
    Route("GET", "/v1/payment_methods", customers.list_methods, f"customer type {LISTED}"),
    Route("GET", "/v1/payment_methods/{id}", retriever("payment_method")),
    Route("POST", "/v1/payment_methods", customers.create_method, "billing_details card metadata type*"),
    Route("POST", "/v1/payment_methods/{id}/attach", customers.attach_method, "customer*"),
    Route("POST", "/v1/payment_methods/{id}/detach", customers.detach_method),
    *_resource("/v1/setup_intents", "setup_intent", "customer payment_method"),
    Route(
        "POST",
        "/v1/setup_intents",
        customers.create_setup,
        "automatic_payment_methods confirm customer description metadata payment_method payment_method_types usage",
    ),
    *_resource("/v1/checkout/sessions", "checkout.session", "customer payment_intent status subscription"),
    Route("POST", "/v1/checkout/sessions", checkout.create, _SESSION),
    Route("POST", "/v1/checkout/sessions/{id}/expire", checkout.expire),
    Route("GET", "/v1/checkout/sessions/{id}/line_items", checkout.list_lines, LISTED),
    Route("POST", "/v1/billing_portal/sessions", checkout.create_portal, "configuration customer* locale return_url"),
    Route("GET", "/v1/subscriptions", subscription_calls.list_all, f"collection_method customer price status {LISTED}"),
    Route("GET", "/v1/subscriptions/{id}", retriever("subscription")),
    Route("POST", "/v1/subscriptions", subscription_calls.create, f"customer* {_SUBSCRIPTION}"),
    Route(
        "POST",
        "/v1/subscriptions/{id}",
        subscription_calls.update,
        f"cancellation_details pause_collection {_SUBSCRIPTION}",
    ),
    Route("DELETE", "/v1/subscriptions/{id}", subscription_calls.cancel, "cancellation_details invoice_now prorate"),
    Route("GET", "/v1/subscription_items/{id}", retriever("subscription_item")),
    Route("GET", "/v1/invoices", invoices.list_all, f"collection_method customer status subscription {LISTED}"),
    Route("GET", "/v1/invoices/{id}", retriever("invoice")),
    Route("POST", "/v1/invoices", invoices.create, f"currency pending_invoice_items_behavior subscription {_INVOICE}"),
    Route("POST", "/v1/invoices/{id}", invoices.update, _INVOICE.replace(" customer ", " ")),
    Route("DELETE", "/v1/invoices/{id}", invoices.delete_draft),
    Route("GET", "/v1/invoices/{id}/lines", invoices.list_lines, LISTED),
    Route("POST", "/v1/invoices/{id}/finalize", invoices.finalize_by_hand, "auto_advance"),
    Route("POST", "/v1/invoices/{id}/pay", invoices.pay_by_hand, "off_session paid_out_of_band payment_method"),
    Route("POST", "/v1/invoices/{id}/void", invoices.void),
    Route("POST", "/v1/invoices/{id}/mark_uncollectible", invoices.mark_uncollectible),
    *_resource("/v1/invoice_payments", "invoice_payment", "invoice status"),
    *_resource("/v1/invoiceitems", "invoiceitem", "customer invoice"),
    Route(
        "POST",
        "/v1/invoiceitems",
        invoice_items.create_item,
        "amount currency customer* description discountable invoice metadata period pricing quantity subscription"
        " tax_behavior unit_amount_decimal",
    ),
    Route("POST", "/v1/invoiceitems/{id}", invoice_items.update_item, "amount description metadata"),
    Route("DELETE", "/v1/invoiceitems/{id}", invoice_items.delete_item),
    *_resource("/v1/payment_intents", "payment_intent", "customer"),
    Route(
        "POST",
        "/v1/payment_intents",
        payments.create_intent,
        "amount* application_fee_amount automatic_payment_methods confirm currency* customer description metadata"
        " off_session payment_method payment_method_types return_url transfer_data transfer_group",
    ),
    Route("POST", "/v1/payment_intents/{id}/confirm", payments.confirm_intent, "off_session payment_method return_url"),
    Route("POST", "/v1/payment_intents/{id}/cancel", payments.cancel_intent, "cancellation_reason"),
    *_resource("/v1/charges", "charge", "customer payment_intent transfer_group"),
    Route("POST", "/v1/charges/{id}", _metadata("charge"), "metadata description"),
    *_resource("/v1/refunds", "refund", "charge payment_intent"),
    Route(
        "POST",
        "/v1/refunds",
        payments.create_refund,
        "amount charge metadata payment_intent reason refund_application_fee reverse_transfer",
    ),
    *_resource("/v1/disputes", "dispute", "charge payment_intent"),
    Route("POST", "/v1/disputes/{id}", disputes.update_dispute, "evidence metadata submit"),
    Route("POST", "/v1/disputes/{id}/close", disputes.accept_dispute),
    Route("GET", "/v1/accounts", connect.list_accounts, LISTED),
    Route("GET", "/v1/accounts/{id}", retriever("account")),
    Route("GET", "/v1/account", connect.own_account),
    Route(
        "POST",
        "/v1/accounts",
        connect.create_account,
        "business_profile business_type capabilities controller country default_currency email metadata settings type",
    ),
    Route(
        "POST",
        "/v1/accounts/{id}",
        connect.update_account,
        "business_profile business_type capabilities default_currency email metadata settings",
    ),
    Route("DELETE", "/v1/accounts/{id}", connect.delete_account),
    Route(
        "POST",
        "/v1/account_links",
        connect.create_link,
        "account* collect collection_options refresh_url return_url type*",
    ),
    Route("POST", "/v1/accounts/{id}/login_links", connect.create_login),
    *_resource("/v1/application_fees", "application_fee", "charge"),
    Route("POST", "/v1/application_fees/{id}/refunds", money.create_fee_refund, "amount metadata"),
    *_resource("/v1/transfers", "transfer", "destination transfer_group"),
    Route(
        "POST",
        "/v1/transfers",
        money.create_transfer,
        "amount* currency* description destination* metadata source_transaction transfer_group",
    ),
    Route("GET", "/v1/transfers/{id}/reversals", money.list_reversals, LISTED),
    Route(
        "POST",
        "/v1/transfers/{id}/reversals",
        money.create_reversal,
        "amount description metadata refund_application_fee",
    ),
    *_resource("/v1/payouts", "payout", "status destination"),
    Route(
        "POST",
        "/v1/payouts",
        money.create_payout,
        "amount* currency* description destination metadata method statement_descriptor",
    ),
    Route("POST", "/v1/payouts/{id}/cancel", money.cancel_payout),
    Route("GET", "/v1/balance", money.balance),
    Route("GET", "/v1/balance_transactions", money.list_bookings, f"currency payout source type {LISTED}"),
    Route("GET", "/v1/balance_transactions/{id}", retriever("balance_transaction")),
    Route("GET", "/v1/events", _events, f"type types delivery_success {LISTED}"),
    Route("GET", "/v1/events/{id}", retriever("event")),
)


def route_of(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """Return the call that an address means, and the ids in it; StripeError 404 where there is none."""
    for route in ROUTES:
        if route.method == method and (match := route.pattern.match(path)):
            return route, match.groups()
    raise StripeError(404, "invalid_request_error", f"Unrecognized request URL ({method}: {path}).")
