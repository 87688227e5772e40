"""Addresses of the marketplace API, under /api/v1/."""

from django.urls import include, path

from marketplace import api
from marketplace.publishing import api as publishing

app_name = "marketplace_api"

urlpatterns = [
    path("listings/", api.ListingsView.as_view(), name="listings"),
    path("listings/<uuid:listing_id>/", api.ListingView.as_view(), name="listing"),
    path("listings/<uuid:listing_id>/withdraw/", api.WithdrawView.as_view(), name="withdraw"),
    path("listings/<uuid:listing_id>/equity/", api.EquityView.as_view(), name="equity"),
    path("listings/<uuid:listing_id>/fit/", api.FitView.as_view(), name="fit"),
    path("listings/<uuid:listing_id>/backtest/", api.CopyBacktestView.as_view(), name="backtest"),
    path("listings/<uuid:listing_id>/page/", publishing.PageView.as_view(), name="page"),
    path("listings/<uuid:listing_id>/submission/", publishing.SubmissionView.as_view(), name="submission"),
    path("listings/<uuid:listing_id>/pictures/", publishing.PicturesView.as_view(), name="pictures"),
    path("listings/<uuid:listing_id>/pictures/<slug:digest>/", publishing.PictureView.as_view(), name="picture"),
    path("listings/<uuid:listing_id>/use/", publishing.UseView.as_view(), name="use"),
    path("listing-submissions/", publishing.SubmissionsView.as_view(), name="submissions"),
    path("listing-submissions/<uuid:submission_id>/", publishing.DecisionView.as_view(), name="decision"),
    path("listings/<uuid:listing_id>/follow/", api.FollowView.as_view(), name="follow"),
    path("", include("marketplace.proofs.api_urls")),
    path("", include("marketplace.search.api_urls")),
    path("", include("marketplace.reviews.api_urls")),
]
