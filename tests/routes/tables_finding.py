"""Who gets what of searches, comparisons and reviews, as tables.py has it."""

FINDING = """
route                                    method  nobody   charlie  bob      alice    operator revoked
marketplace:compare                      GET     200      200      200      200      200      200
marketplace:compare_curves               GET     200      200      200      200      200      200
marketplace:searches                     GET     login    200      200      200      200      login
marketplace:searches                     POST    login    done     done     done     done     login
marketplace:delete_search                POST    login    404      404      done     404      login
marketplace:reviews                      GET     200      200      200      200      200      200
marketplace:review                       GET     login    200      200      200      200      login
marketplace:review                       POST    login    400      400      400      400      login
marketplace:answer_review                GET     login    404      404      200      404      login
marketplace:answer_review                POST    login    404      404      done     404      login
marketplace:report_review                GET     login    200      200      200      200      login
marketplace:report_review                POST    login    done     400      done     done     login
marketplace_api:compare                  GET     401      200      200      200      200      401
marketplace_api:similar                  GET     401      200      200      200      200      401
marketplace_api:searches                 GET     401      200      200      200      200      401
marketplace_api:searches                 POST    401      201      201      201      201      401
marketplace_api:search                   DELETE  401      404      404      204      404      401
marketplace_api:reviews                  GET     401      200      200      200      200      401
marketplace_api:review                   PUT     401      409      409      409      409      401
marketplace_api:answer_review            PUT     401      404      404      200      404      401
marketplace_api:report_review            POST    401      204      409      204      204      401
"""
