"""The billing API: prices, subscriptions and invoices of one's own, a lead's figures and statement."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.programs.doors import ApiListView, ApiView
from accounts.programs.scopes import Scope
from accounts.requests import asker, unlimited_asker
from common.errors import NotFound
from marketplace.billing import selectors, serializers
from marketplace.billing.business import business_of
from marketplace.billing.models import ChangeKind, Interval, Invoice, MoneyLine, Subscription
from marketplace.billing.promotion_models import DiscountLength
from marketplace.billing.services.buying import begin_checkout
from marketplace.billing.services.changing import choose_stop_mode, request_change
from marketplace.billing.services.closing import close_taking, retry_taking
from marketplace.billing.services.pricing import retire_price, set_price
from marketplace.billing.services.promoting import create_code, retire_code
from marketplace.billing.services.refunding import request_refund
from marketplace.billing.tax_models import TakenBack
from marketplace.selectors import listing_for_owner, listing_for_reader
from trading.follow_models import StopMode


class PricesView(ApiView):
    """What following a listing costs."""

    scope = Scope.MANAGE
    is_atomic = False

    @extend_schema(
        operation_id="billing_prices_list",
        summary="List a listing's prices",
        responses=serializers.PriceSerializer(many=True),
    )
    def get(self, request: Request, listing_id: UUID) -> Response:
        listing = listing_for_reader(asker(request), listing_id)
        found = selectors.prices_of(selectors.listing_subject(listing.pk))
        return Response(serializers.PriceSerializer(found, many=True).data)

    @extend_schema(
        summary="Ask for a subscription",
        description="In the place of the price for the same interval, for whoever subscribes from now on.",
        request=serializers.PriceSetSerializer,
        responses={201: serializers.PriceSerializer},
    )
    def post(self, request: Request, listing_id: UUID) -> Response:
        listing = listing_for_owner(asker(request), listing_id)
        wanted = serializers.PriceSetSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = {**wanted.validated_data, "interval": Interval(wanted.validated_data["interval"])}
        price = set_price(owner=asker(request), listing=listing, **data)
        return Response(serializers.PriceSerializer(price).data, status=status.HTTP_201_CREATED)


class PriceView(ApiView):
    """One price."""

    scope = Scope.MANAGE
    is_atomic = False

    @extend_schema(
        summary="Sell nothing at a price any more",
        description="A listing's last price is refused with LAST_PRICE (409) unless `makes_free` says that everybody may"
        " follow it for nothing from now on.",
        parameters=[serializers.RetireSerializer],
        responses={204: None},
    )
    def delete(self, request: Request, price_id: UUID) -> Response:
        wanted = serializers.RetireSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        price = selectors.price_for_owner(unlimited_asker(request), price_id)
        retire_price(actor=unlimited_asker(request), price=price, **wanted.validated_data)
        return Response(status=status.HTTP_204_NO_CONTENT)


class CodesView(ApiView):
    """Promotion codes of a listing of one's own."""

    scope = Scope.MANAGE
    is_atomic = False

    @extend_schema(
        operation_id="billing_codes_list",
        summary="List a listing's promotion codes",
        responses=serializers.PromotionCodeSerializer(many=True),
    )
    def get(self, request: Request, listing_id: UUID) -> Response:
        found = selectors.codes_of(listing_for_owner(asker(request), listing_id))
        return Response(serializers.PromotionCodeSerializer(found, many=True).data)

    @extend_schema(
        operation_id="billing_codes_create",
        summary="Make a promotion code",
        description="Entered on the payment page; it counts for this listing alone, once it is LIVE.",
        request=serializers.PromotionCodeSetSerializer,
        responses={201: serializers.PromotionCodeSerializer},
    )
    def post(self, request: Request, listing_id: UUID) -> Response:
        listing = listing_for_owner(asker(request), listing_id)
        wanted = serializers.PromotionCodeSetSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        terms = {**wanted.validated_data, "length": DiscountLength(wanted.validated_data["length"])}
        made = create_code(owner=asker(request), listing=listing, **terms)
        return Response(serializers.PromotionCodeSerializer(made).data, status=status.HTTP_201_CREATED)


class CodeView(ApiView):
    """One promotion code."""

    scope = Scope.MANAGE
    is_atomic = False

    @extend_schema(summary="Let nobody use a promotion code any more", responses={204: None})
    def delete(self, request: Request, code_id: UUID) -> Response:
        retire_code(actor=unlimited_asker(request), code=selectors.code_for_owner(unlimited_asker(request), code_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SubscribeView(ApiView):
    """The way to the payment page."""

    scope = Scope.MANAGE
    is_atomic = False

    @extend_schema(
        summary="Begin to subscribe",
        description="Two calls meet in one checkout. Ask for it until it is OPEN: then `url` is the payment page.",
        request=None,
        responses={201: serializers.CheckoutSerializer},
    )
    def post(self, request: Request, price_id: UUID) -> Response:
        found = begin_checkout(user=unlimited_asker(request), price=selectors.price_for_buyer(price_id))
        return Response(serializers.CheckoutSerializer(found).data, status=status.HTTP_201_CREATED)


class CheckoutView(ApiView):
    """One checkout."""

    scope = Scope.READ
    is_atomic = False

    @extend_schema(summary="Read a checkout", responses=serializers.CheckoutSerializer)
    def get(self, request: Request, checkout_id: UUID) -> Response:
        found = selectors.checkout_for_user(unlimited_asker(request), checkout_id)
        return Response(serializers.CheckoutSerializer(found).data)


class SubscriptionsView(ApiListView[Subscription]):
    """One's own subscriptions."""

    scope = Scope.READ
    serializer_class = serializers.SubscriptionSerializer
    queryset = Subscription.objects.none()

    def get_queryset(self) -> QuerySet[Subscription]:
        return selectors.subscriptions_of(unlimited_asker(self.request))

    @extend_schema(summary="List one's subscriptions")
    def get(self, request: Request) -> Response:
        return self.list(request)


class SubscriptionView(ApiView):
    """One subscription."""

    scope = Scope.MANAGE
    is_atomic = False

    @extend_schema(summary="Read a subscription", responses=serializers.SubscriptionSerializer)
    def get(self, request: Request, subscription_id: UUID) -> Response:
        found = selectors.subscription_for_user(unlimited_asker(request), subscription_id)
        return Response(serializers.SubscriptionSerializer(found).data)

    @extend_schema(
        summary="Change a subscription",
        description="Cancel, renew or switch it, or say what becomes of the holdings when it ends. The payment processor"
        " is told in a moment; what then holds is read here.",
        request=serializers.SubscriptionChangeSerializer,
        responses=serializers.SubscriptionSerializer,
    )
    def patch(self, request: Request, subscription_id: UUID) -> Response:
        found = selectors.subscription_for_user(unlimited_asker(request), subscription_id)
        wanted = serializers.SubscriptionChangeSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        if mode := data.get("stop_mode"):
            choose_stop_mode(user=unlimited_asker(request), subscription=found, mode=StopMode(mode))
        if kind := data.get("kind"):
            price = selectors.prices_of(found.subject).filter(pk=data.get("price")).first()
            request_change(user=unlimited_asker(request), subscription=found, kind=ChangeKind(kind), price=price)
        found.refresh_from_db()
        return Response(serializers.SubscriptionSerializer(found).data)


class InvoicesView(ApiListView[Invoice]):
    """What one was invoiced."""

    scope = Scope.READ
    serializer_class = serializers.InvoiceSerializer
    queryset = Invoice.objects.none()

    def get_queryset(self) -> QuerySet[Invoice]:
        return selectors.invoices_of(unlimited_asker(self.request))

    @extend_schema(summary="List one's invoices")
    def get(self, request: Request) -> Response:
        return self.list(request)


class RefundView(ApiView):
    """Money back for the asking."""

    scope = Scope.MANAGE
    is_atomic = False

    @extend_schema(
        summary="Have the first payment given back",
        description="Within seven days of it; the subscription ends at once.",
        request=None,
        responses={202: serializers.InvoiceSerializer},
    )
    def post(self, request: Request, invoice_id: UUID) -> Response:
        found = selectors.invoice_for_user(unlimited_asker(request), invoice_id)
        request_refund(user=unlimited_asker(request), invoice=found)
        return Response(serializers.InvoiceSerializer(found).data, status=status.HTTP_202_ACCEPTED)


class BusinessView(ApiView):
    """A lead's figures."""

    scope = Scope.READ

    @extend_schema(summary="Read how one's paid listings do", responses=serializers.BusinessSerializer)
    def get(self, request: Request) -> Response:
        return Response(serializers.BusinessSerializer(business_of(unlimited_asker(request))).data)


class StatementView(ApiListView[MoneyLine]):
    """A lead's statement."""

    scope = Scope.READ
    serializer_class = serializers.StatementLineSerializer
    queryset = MoneyLine.objects.none()

    def get_queryset(self) -> QuerySet[MoneyLine]:
        seller = selectors.seller_of(unlimited_asker(self.request))
        return MoneyLine.objects.none() if seller is None else selectors.statement_lines(seller)

    @extend_schema(summary="List what moved one's balance at the payment processor")
    def get(self, request: Request) -> Response:
        return self.list(request)


class TakingsView(ApiListView[TakenBack]):
    """What the payment processor refused to move between leads and the platform."""

    scope = Scope.READ
    serializer_class = serializers.TakingSerializer
    queryset = TakenBack.objects.none()

    def get_queryset(self) -> QuerySet[TakenBack]:
        return selectors.takings_for_operator(unlimited_asker(self.request))

    @extend_schema(
        summary="List what was refused between leads and the platform (operators only)",
        description="Newest first, closed ones among them: both are owed, by the lead or, of RETURN, to it.",
    )
    def get(self, request: Request) -> Response:
        if not unlimited_asker(request).is_staff:
            raise NotFound("page")
        return self.list(request)


class TakingView(ApiView):
    """An operator's decision on what was refused."""

    scope = Scope.MANAGE
    is_atomic = False

    @extend_schema(
        summary="Try again, or close, what was refused between a lead and the platform (operators only)",
        description="RETRY asks the payment processor once more, of a closed one too. CLOSE takes a `reason`; it moves no"
        " money, and what is owed stays listed.",
        request=serializers.TakingDecisionSerializer,
        responses=serializers.TakingSerializer,
    )
    def post(self, request: Request, taking_id: UUID) -> Response:
        operator = unlimited_asker(request)
        row = selectors.taking_for_operator(operator, taking_id)
        wanted = serializers.TakingDecisionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        if wanted.validated_data["act"] == "CLOSE":
            decided = close_taking(operator=operator, row=row, reason=wanted.validated_data["reason"])
        else:
            decided = retry_taking(operator=operator, row=row)
        return Response(serializers.TakingSerializer(decided).data)
