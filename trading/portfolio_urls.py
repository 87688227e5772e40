"""Addresses of everything under /portfolios/: the books' own pages, and what shows the trading in them.

One section of the site, two floors: a portfolio's page is made here, because orders, fills and follows are on it.
"""

from django.urls import path

from portfolios.urls import urlpatterns as books
from trading import views

app_name = "portfolios"

urlpatterns = [
    *books,
    path("<uuid:portfolio_id>/", views.portfolio, name="detail"),
    path("<uuid:portfolio_id>/chart/<uuid:instrument_id>/<str:timeframe>/", views.chart, name="chart"),
    path("<uuid:portfolio_id>/orders/", views.order_list, name="orders"),
    path("<uuid:portfolio_id>/orders/recent/", views.recent_orders, name="recent_orders"),
    path("<uuid:portfolio_id>/orders/place/", views.place, name="place"),
    path("<uuid:portfolio_id>/orders/estimate/", views.estimate, name="estimate"),
    path("<uuid:portfolio_id>/fills/", views.fill_list, name="fills"),
    path("<uuid:portfolio_id>/fills/recent/", views.recent_fills, name="recent_fills"),
    path("<uuid:portfolio_id>/follow/", views.follow_panel, name="follow"),
    path("<uuid:portfolio_id>/follow/copies/", views.copies, name="copies"),
]
