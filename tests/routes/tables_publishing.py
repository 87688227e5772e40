"""Who gets what of publishing, and of the use of others' strategies: as in tables.py."""

PUBLISHING_PAGES = """
route                                    method  nobody   charlie  bob      alice    operator revoked
strategies:granted                       GET     login    404      404      200      404      login
marketplace:preview                      POST    login    200      200      200      200      login
marketplace:recall                       POST    login    404      404      done     404      login
marketplace:standing                     GET     404      404      404      200      404      404
marketplace:use                          POST    login    done     done     done     done     login
marketplace:upload                       POST    login    404      404      done     404      login
marketplace:picture                      GET     200      200      200      200      200      200
marketplace:remove_picture               POST    login    404      404      done     404      login
marketplace:review_queue                 GET     login    404      404      404      200      login
marketplace:decide                       POST    login    404      404      404      done     login
"""

PUBLISHING_API = """
route                                    method  nobody   charlie  bob      alice    operator revoked
strategies_api:grants                    GET     401      200      200      200      200      401
marketplace_api:page                     GET     401      200      200      200      200      401
marketplace_api:submission               GET     401      404      404      200      404      401
marketplace_api:submission               DELETE  401      404      404      204      404      401
marketplace_api:pictures                 POST    401      404      404      201      404      401
marketplace_api:picture                  DELETE  401      404      404      204      404      401
marketplace_api:use                      POST    401      409      409      409      409      401
marketplace_api:submissions              GET     401      404      404      404      200      401
marketplace_api:decision                 POST    401      404      404      404      200      401
"""
