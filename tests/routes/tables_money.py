"""Who gets what of billing, as in tables.py; no key is set, so that nothing is bought here."""

MONEY = """
route                                    method  nobody   charlie  bob      alice    operator revoked
billing:subscribe                        POST    login    404      404      404      404      login
billing:checkout                         GET     login    404      404      200      404      login
billing:portal                           GET     login    409      409      409      409      login
billing:subscriptions                    GET     login    200      200      200      200      login
billing:change                           POST    login    404      404      409      404      login
billing:ending                           POST    login    404      404      done     404      login
billing:invoices                         GET     login    200      200      200      200      login
billing:refund                           POST    login    404      404      409      404      login
billing:plans                            GET     login    200      200      200      200      login
billing:business                         GET     login    200      200      200      200      login
billing:onboarding                       GET     login    409      409      409      409      login
billing:onboarded                        GET     login    done     done     done     done     login
billing:payout_settings                  GET     login    409      409      409      409      login
billing:statement                        GET     login    404      404      404      404      login
billing:prices                           GET     login    404      404      200      404      login
billing:prices                           POST    login    404      404      400      404      login
billing:retire                           POST    login    404      404      done     404      login
billing:platform                         GET     login    404      404      404      200      login
billing:settle                           POST    login    404      404      404      done     login
billing:hold                             POST    login    404      404      404      done     login
billing:give_back                        POST    login    404      404      404      409      login
billing:codes                            GET     login    404      404      200      404      login
billing:codes                            POST    login    404      404      400      404      login
billing:end_code                         POST    login    404      404      done     404      login
billing:decide_share                     POST    login    404      404      404      409      login
stripe_webhook                           POST    400      400      400      400      400      400
billing_api:prices                       GET     401      200      200      200      200      401
billing_api:prices                       POST    401      404      404      409      404      401
billing_api:price                        DELETE  401      404      404      409      404      401
billing_api:codes                        GET     401      404      404      200      404      401
billing_api:codes                        POST    401      404      404      409      404      401
billing_api:code                         DELETE  401      404      404      204      404      401
billing_api:subscribe                    POST    401      404      404      404      404      401
billing_api:checkout                     GET     401      404      404      200      404      401
billing_api:subscriptions                GET     401      200      200      200      200      401
billing_api:subscription                 GET     401      404      404      200      404      401
billing_api:subscription                 PATCH   401      404      404      200      404      401
billing_api:invoices                     GET     401      200      200      200      200      401
billing_api:refund                       POST    401      404      404      409      404      401
billing_api:business                     GET     401      200      200      200      200      401
billing_api:statement                    GET     401      200      200      200      200      401
"""
