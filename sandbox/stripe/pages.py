"""The pages that a person is sent to: checkout, the billing portal, invoices, onboarding, a lead's dashboard."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.stripe import checkout, connect, money, paper
from sandbox.stripe.collecting import attempt
from sandbox.stripe.customers import attach_to, make_method
from sandbox.stripe.errors import StripeError
from sandbox.stripe.subscriptions import LIVE, end
from sandbox.stripe.world import Obj

if TYPE_CHECKING:
    from sandbox.stripe.server import StripeServer

Form = dict[str, str]
CARD = (
    '<label>Card number <input name="number" value="4242 4242 4242 4242" inputmode="numeric" required></label>'
    '<label>Expires <input name="exp_month" value="12" size="2"> / <input name="exp_year" value="2034" size="4"></label>'
    '<label>CVC <input name="cvc" value="123" size="4"></label>'
)


class Pages:
    """Answers what is outside the API with HTML; forms are posted to the page they stand on."""

    def __init__(self, server: StripeServer) -> None:
        self._server = server
        self._table: tuple[tuple[str, Callable[[str, Form, bool], web.Response]], ...] = (
            (r"/pay/([^/]+)", self._pay),
            (r"/portal/([^/]+)", self._portal),
            (r"/invoice/([^/]+)", self._invoice),
            (r"/invoice/([^/]+)/pdf", self._pdf),
            (r"/connect/([^/]+)", self._connect),
            (r"/express/([^/]+)", self._express),
            (r"/receipt/([^/]+)", self._receipt),
        )

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a page; what does not exist is 404."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        for pattern, handler in self._table:
            if match := re.fullmatch(pattern, request.path.rstrip("/")):
                try:
                    return handler(match[1], form, request.method == "POST")
                except StripeError as error:
                    return _page("Something is wrong", _words(error.message), status=error.status)
        return _page("Not found", "There is nothing here.", status=404)

    def _pay(self, name: str, form: Form, posted: bool) -> web.Response:
        world = self._server.world
        session = world.get("checkout.session", name)
        problem = ""
        if posted and form.get("action") == "cancel":
            return _away(session["cancel_url"] or session["success_url"])
        if posted:
            try:
                checkout.complete(world, session, form)
            except StripeError as error:
                problem = error.message
            else:
                return _away(session["success_url"].replace("{CHECKOUT_SESSION_ID}", name))
        if session["status"] != "open":
            return _page("Checkout", f"This session is {session['status']}.")
        return _page("Checkout", self._checkout_form(session, problem))

    def _checkout_form(self, session: Obj, problem: str) -> str:
        lines = checkout.lines_of(self._server.world, session)["data"]
        rows = "".join(
            f"<tr><td>{_text(line['description'])} × {line['quantity']}{_every(line['price'])}</td>"
            f"<td>{_money(line['amount_total'], line['currency'])}</td></tr>"
            for line in lines
        )
        due = session.get("amount_total")
        total = "" if due is None else f"<p><b>Due today {_money(due, session['currency'])}</b></p>"
        code = '<label>Promotion code <input name="code"></label>' if session["allow_promotion_codes"] else ""
        known = session["customer"] or session["customer_email"]
        email = "" if known else '<label>Email <input name="email" type="email" value="payer@example.com"></label>'
        return (
            f"<table>{rows}</table>{total}{_problem(problem)}<form method='post'>{email}{CARD}"
            '<label>Name <input name="name" value="Test Payer"></label>'
            f'<label>Country <input name="country" value="US" size="2"></label>{code}'
            "<button name='action' value='pay'>Pay</button> <button name='action' value='cancel' formnovalidate>"
            "Cancel</button></form>"
        )

    def _portal(self, name: str, form: Form, posted: bool) -> web.Response:
        world = self._server.world
        session = world.get("billing_portal.session", name)
        owner = world.owners[session["id"]]
        problem = ""
        if posted:
            try:
                self._in_portal(session, form)
            except StripeError as error:
                problem = error.message
        mine = [one for one in world.all("subscription", owner) if one["customer"] == session["customer"]]
        rows = "".join(_subscription_row(one) for one in mine if one["status"] in LIVE)
        bills = "".join(
            f"<li><a href='{one['hosted_invoice_url']}'>{_text(one['number'])}</a> {_money(one['total'], one['currency'])}"
            f" {one['status']}</li>"
            for one in world.all("invoice", owner)
            if one["customer"] == session["customer"] and one["number"]
        )
        back = f"<p><a href='{_text(session['return_url'])}'>Back</a></p>" if session["return_url"] else ""
        card = f"<form method='post'>{CARD}<button name='action' value='card'>Change card</button></form>"
        body = f"{_problem(problem)}<h2>Subscriptions</h2>{rows or '<p>None.</p>'}<h2>Card</h2>{card}"
        return _page("Your billing", f"{body}<h2>Invoices</h2><ul>{bills}</ul>{back}")

    def _in_portal(self, session: Obj, form: Form) -> None:
        world, action = self._server.world, form.get("action")
        if action == "card":
            checkout.change_card(world, session, form)
            return
        owner = world.owners[session["id"]]
        subscription = world.get("subscription", form.get("subscription", ""), account=owner)
        if action == "cancel_now":
            end(world, subscription, "cancellation_requested")
            return
        ending = action == "cancel"
        changes = {
            "cancel_at_period_end": ending,
            "cancel_at": subscription["items"]["data"][0]["current_period_end"] if ending else None,
            "canceled_at": world.now() if ending else None,
        }
        world.change("customer.subscription.updated", subscription, changes)

    def _invoice(self, name: str, form: Form, posted: bool) -> web.Response:
        world = self._server.world
        invoice = world.tables.get("invoice", {}).get(name) or world.get("invoice", name)
        problem = ""
        if posted and invoice["status"] == "open":
            customer = world.get("customer", invoice["customer"], account=world.owners[name])
            try:
                method = make_method(world, form.get("number", ""), form, account=world.owners[name])
                attach_to(world, method["id"], customer)
                attempt(world, invoice, method["id"])
            except StripeError as error:
                problem = error.message
        rows = "".join(
            f"<tr><td>{_text(line['description'])}</td><td>{_money(line['amount'], line['currency'])}</td></tr>"
            for line in invoice["lines"]["data"]
        )
        pay = f"<form method='post'>{CARD}<button>Pay</button></form>" if invoice["status"] == "open" else ""
        total = f"<p><b>{_money(invoice['total'], invoice['currency'])}</b>, {invoice['status']}</p>"
        pdf = f"<p><a href='{invoice['invoice_pdf']}'>PDF</a></p>" if invoice["invoice_pdf"] else ""
        return _page(f"Invoice {invoice['number']}", f"<table>{rows}</table>{total}{_problem(problem)}{pay}{pdf}")

    def _pdf(self, name: str, form: Form, posted: bool) -> web.Response:
        world = self._server.world
        invoice = world.tables.get("invoice", {}).get(name) or world.get("invoice", name)
        lines = [f"Invoice {invoice['number']}", f"Total {invoice['total']} {invoice['currency']} (minor units)"]
        lines += [f"{line['amount']:>10}  {line['description']}" for line in invoice["lines"]["data"]]
        return web.Response(body=paper.pdf(lines), content_type="application/pdf")

    def _connect(self, name: str, form: Form, posted: bool) -> web.Response:
        world = self._server.world
        link = world.hidden.get(name)
        if link is None or "refresh_url" not in link:
            return _page("Not found", "There is nothing here.", status=404)
        if link.get("used") or link["until"] < world.now():
            return _away(link["refresh_url"])
        if posted:
            link["used"] = True
            if form.get("action") == "complete":
                connect.onboard(world, link)
            return _away(link["return_url"])
        body = (
            "<p>This stands in for Stripe's questions about a person and their bank.</p><form method='post'>"
            "<button name='action' value='complete'>Complete onboarding</button> "
            "<button name='action' value='later'>Later</button></form>"
        )
        return _page("Get paid", body)

    def _express(self, name: str, form: Form, posted: bool) -> web.Response:
        world = self._server.world
        account = world.get("account", name)
        currency = account["default_currency"]
        rows = "".join(
            f"<tr><td>{one['status']}</td><td>{_money(one['amount'], one['currency'])}</td></tr>"
            for one in world.all("payout", name)
        )
        ready = _money(money.available(world, name, currency), currency)
        return _page("Your earnings", f"<p>Available {ready}</p><h2>Payouts</h2><table>{rows}</table>")

    def _receipt(self, name: str, form: Form, posted: bool) -> web.Response:
        charge = self._server.world.tables.get("charge", {}).get(name)
        if charge is None:
            return _page("Not found", "There is nothing here.", status=404)
        return _page("Receipt", f"<p>{_money(charge['amount'], charge['currency'])}, {charge['status']}</p>")


def _text(value: object) -> str:
    return html.escape(str(value or ""))


def _words(message: str) -> str:
    return f"<p>{_text(message)}</p>"


def _problem(message: str) -> str:
    return f"<p role='alert' class='problem'>{_text(message)}</p>" if message else ""


def _money(amount: int, currency: str) -> str:
    return f"{amount / 100:,.2f} {currency.upper()}"


def _every(price: Obj) -> str:
    return f" every {price['recurring']['interval']}" if price["recurring"] else ""


def _subscription_row(subscription: Obj) -> str:
    ending = subscription["cancel_at_period_end"]
    action = ("resume", "Do not cancel") if ending else ("cancel", "Cancel at the period's end")
    return (
        f"<form method='post'><p>{subscription['id']}: {subscription['status']}{' (ending)' if ending else ''}</p>"
        f"<input type='hidden' name='subscription' value='{subscription['id']}'>"
        f"<button name='action' value='{action[0]}'>{action[1]}</button> "
        "<button name='action' value='cancel_now'>Cancel now</button></form>"
    )


def _away(url: str) -> web.Response:
    return web.Response(status=303, headers={"Location": url})


STYLE = (
    "body{font:16px/1.5 system-ui;max-width:32rem;margin:2rem auto;padding:0 1rem}label{display:block;margin:.5rem 0}"
    "input,button{font:inherit;padding:.3rem .6rem}table{width:100%}td:last-child{text-align:right}.problem{color:#b00020}"
)


def _page(title: str, body: str, status: int = 200) -> web.Response:
    text = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{_text(title)}</title><style>{STYLE}</style><p><small>Payment sandbox: no real money</small></p>"
        f"<h1>{_text(title)}</h1>{body}</html>"
    )
    return web.Response(status=status, text=text, content_type="text/html")
