"""Who gets what of listings and their records, as in tables.py."""

LISTINGS = """
route                                    method  nobody   charlie  bob      alice    operator revoked
marketplace:list                         GET     200      200      200      200      200      200
marketplace:publish                      GET     login    200      200      200      200      login
marketplace:publish                      POST    login    400      400      done     400      login
marketplace:detail                       GET     200      200      200      200      200      200
marketplace:follow                       GET     login    200      done     done     200      login
marketplace:follow                       POST    login    done     done     done     400      login
marketplace:embed                        GET     200      200      200      200      200      200
marketplace:equity                       GET     200      200      200      200      200      200
marketplace:what_if                      GET     200      200      200      200      200      200
marketplace:fit                          GET     200      200      200      200      200      200
marketplace:edit                         GET     login    404      404      200      404      login
marketplace:edit                         POST    login    404      404      done     404      login
marketplace:withdraw                     POST    login    404      404      done     404      login
marketplace:roots                        GET     200      200      200      200      200      200
marketplace:verify                       GET     200      200      200      200      200      200
marketplace:record                       GET     200      200      200      200      200      200
marketplace:publish_backtest             POST    login    404      404      done     404      login
marketplace:reproduce                    POST    login    done     done     done     done     login
marketplace:reproduction                 GET     login    200      200      200      200      login
marketplace_api:listings                 GET     401      200      200      200      200      401
marketplace_api:listings                 POST    401      404      404      201      404      401
marketplace_api:listing                  GET     401      200      200      200      200      401
marketplace_api:listing                  PATCH   401      404      404      200      404      401
marketplace_api:withdraw                 POST    401      404      404      200      404      401
marketplace_api:equity                   GET     401      200      200      200      200      401
marketplace_api:fit                      GET     401      200      200      200      200      401
marketplace_api:backtest                 GET     401      200      200      200      200      401
marketplace_api:follow                   POST    401      201      404      404      404      401
marketplace_api:roots                    GET     200      200      200      200      200      401
marketplace_api:keys                     GET     200      200      200      200      200      401
marketplace_api:record                   GET     401      200      200      200      200      401
marketplace_api:proof                    GET     401      200      200      200      200      401
marketplace_api:published_backtest       GET     401      200      200      200      200      401
marketplace_api:published_backtest       PUT     401      404      404      200      404      401
marketplace_api:reproductions            GET     401      200      200      200      200      401
marketplace_api:reproductions            POST    401      202      202      202      202      401
marketplace_api:drift                    GET     401      200      200      200      200      401
"""
