"""What a person does on the site, in a browser of their own, by the words on the page."""

from __future__ import annotations

import re
from collections.abc import Mapping

from playwright.sync_api import Locator, Page, expect

from tests.story.processes import wait_until
from tests.story.sites import Site

PASSWORD = "a battery for the horse"
# The bench measures one second; a test only proves that nobody has to reload, beside workers that build machine code for
# the first time on a new machine.
LIVE_MS = 20_000
# The cell that has no column's name on a phone: an order's state, a fill's number.
CORNER = "corner"


class Person:
    """Somebody with a browser window of their own."""

    def __init__(self, page: Page, site: Site, email: str, password: str = PASSWORD) -> None:
        self.page = page
        self.email = email
        self._site = site
        self._password = password
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if "Content Security" in said.text else None)

    # --- coming and going -------------------------------------------------------------------------------------------
    def sign_up(self) -> None:
        """Create an account and confirm its address by the code in the mail, which logs in."""
        self.visit("/accounts/signup/")
        self.page.get_by_label("Email").fill(self.email)
        for field in self.page.locator("input[type=password]").all():
            field.fill(self._password)
        self.press("Create account")
        expect(self.page.get_by_role("heading", name="Enter the code")).to_be_visible()
        self.page.get_by_label("Code").fill(self._site.mailed_code(self.email))
        self.press("Confirm")
        self.page.wait_for_url(f"{self._site.address}/")

    def log_in(self, to: str = "/") -> None:
        self.visit(f"/accounts/login/?next={to}")
        self.page.get_by_label("Email").fill(self.email)
        self.page.locator("input[name=password]").fill(self._password)
        self.press("Log in")
        self.page.wait_for_url(f"{self._site.address}{to}")

    def log_out(self) -> None:
        self.page.locator(".sidebar summary").click()
        self.page.locator(".sidebar").get_by_role("button", name="Log out").click()
        expect(self.page.get_by_role("link", name="Log in").first).to_be_visible()

    # --- what they find and do --------------------------------------------------------------------------------------
    def visit(self, path: str) -> int:
        """Open an address of the site and return the status of the answer."""
        answer = self.page.goto(f"{self._site.address}{path}")
        assert answer is not None
        return answer.status

    def press(self, name: str) -> None:
        self.page.locator("main").get_by_role("button", name=name, exact=True).click()

    def open_portfolio(self, name: str, amount: str) -> str:
        """Open a portfolio on the simulated exchange and return its address."""
        self.visit("/portfolios/open/")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_role("radio", name="Simulated exchange").check()
        self.page.get_by_label("Starting amount").fill(amount)
        self.press("Open portfolio")
        expect(self.heading(name)).to_be_visible()
        return self.path

    def start_strategy(self, name: str, market: str, portfolio: str) -> None:
        """Save an EMA crossover that decides once a day, and start it on a portfolio."""
        self.visit("/strategies/new/")
        self.page.get_by_role("link", name="EMA crossover").click()
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Instrument", exact=True).select_option(market)
        self.page.get_by_label("Timeframe").select_option("1d")
        self.page.get_by_label("Stop loss").fill("2")
        self.press("Save")
        expect(self.heading(name)).to_be_visible()
        self.page.get_by_role("link", name="Start", exact=True).first.click()
        self.page.get_by_label("Portfolio").select_option(portfolio)
        self.press("Start")
        expect(self.page.get_by_text("Running").first).to_be_visible()

    def publish(self, portfolio: str, title: str, description: str) -> None:
        self.visit("/marketplace/publish/")
        self.page.get_by_label("Portfolio", exact=True).select_option(portfolio)
        self.page.get_by_label("Title").fill(title)
        self.page.get_by_label("Description").fill(description)
        self.press("Publish")
        expect(self.heading(title)).to_be_visible()

    def follow(self, title: str, amount: str, multiplier: str = "1", source: str = "") -> str:
        """Find a listing, follow it in its three steps, open the portfolio that was made for that, and return its address."""
        self.visit("/marketplace/")
        self.page.get_by_role("link", name=title).click()
        self.page.locator("#follow").get_by_role("link", name="Follow…").click()
        if source:
            self.page.get_by_label("From", exact=True).select_option(label=source)
        self.page.get_by_label("Amount", exact=True).fill(amount)
        self.page.get_by_label("Multiplier", exact=True).fill(multiplier)
        self.press("Next: guards")
        self.press("Next: forecast and terms")
        self.page.get_by_label("I have read this, and accept it.").check()
        self.page.locator("main").get_by_role("button", name="Follow with").click()
        expect(self.page.get_by_role("button", name="Pause")).to_be_visible()
        return self.path

    def order(self, side: str, quantity: str) -> None:
        """Place a market order with the ticket of the portfolio's page."""
        self.page.get_by_role("radio", name=side).check()
        self.page.get_by_label("Amount", exact=True).fill(quantity)
        self.press("Place order")

    def open_ticket(self, home: str, market: str) -> None:
        """Open the page of a portfolio with the ticket, and the chart, of a market: whoever looks at one has it followed."""
        self.visit(home)
        choice = self.page.get_by_label("Market", exact=True)
        self.visit(f"{home}?market={choice.locator('option').filter(has_text=market).get_attribute('value')}")
        choice.select_option(market)

    def order_once_live(self, side: str, quantity: str) -> None:
        """Place an order with the open ticket as soon as its market has a price."""

        def is_live() -> bool:
            # Whoever types is told the newest price, a moment after the last key.
            self.page.get_by_label("Amount", exact=True).fill(quantity)
            self.page.wait_for_timeout(500)
            return "Price, about" in self.page.locator("#estimate").inner_text()

        wait_until(is_live, "a price")
        self.order(side, quantity)

    def halt_trading(self, reason: str) -> None:
        """Halt everything from the front page of the operators' admin."""
        self.visit("/admin/")
        self.page.get_by_role("link", name="Halt all trading").first.click()
        self.page.get_by_label("Reason").fill(reason)
        self.page.get_by_role("button", name="Halt all trading").click()
        expect(self.page.get_by_text("All trading is halted.")).to_be_visible()

    # --- what they see ----------------------------------------------------------------------------------------------
    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self._site.address)

    def heading(self, name: str) -> Locator:
        return self.page.get_by_role("heading", name=name, level=1)

    def sees(
        self, kind: str, title: str, cells: Mapping[str, str | re.Pattern[str]], within_ms: float = LIVE_MS
    ) -> None:
        """Wait until the newest row of a kind (order, fill, copy) in the open page has this title and these cells.

        A cell is named by its column; its text begins with the words or the figure that are given, as a whole, or as a
        pattern has it.
        """
        row = self.page.locator(f'tr[id^="{kind}-"]').first
        expect(row.locator("th")).to_contain_text(title, timeout=within_ms)
        for label, told in cells.items():
            cell = row.locator("td.cell-corner" if label == CORNER else f'td[data-label="{label}"]')
            words = told.pattern if isinstance(told, re.Pattern) else re.escape(told)
            expect(cell).to_have_text(re.compile(rf"^\s*(?:{words})(?![\w.])"), timeout=within_ms)

    def sees_live(self, state: str) -> None:
        """Wait until the page says this of its connection."""
        expect(self.page.locator("[data-live-status]").last).to_have_attribute("data-state", state)

    def mark_page(self) -> None:
        """Leave a mark in the window, which a navigation or a reload would wipe away."""
        self.page.evaluate("() => { window.untouched = true }")

    def page_is_untouched(self) -> bool:
        return bool(self.page.evaluate("() => window.untouched === true"))
