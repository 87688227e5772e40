"""Who gets what of the API's own subjects: tokens, problems, files; read by tables.py."""

PROGRAM_PAGES = """
route                                    method  nobody   charlie  bob      alice    operator revoked
health                                   GET     200      200      200      200      200      200
problems                                 GET     200      200      200      200      200      200
problem                                  GET     200      200      200      200      200      200
"""

PROGRAM_API = """
route                                    method  nobody   charlie  bob      alice    operator revoked
accounts_api:token                       GET     401      404      404      200      404      401
trading_api:orders_export                GET     401      200      200      200      200      401
trading_api:fills_export                 GET     401      200      200      200      200      401
portfolios_api:ledger_export             GET     401      404      404      200      404      401
"""
