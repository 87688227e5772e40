"""Who gets what of how people are told, and of their data: as in tables.py."""

NOTIFYING_PAGES = """
route                                    method  nobody   charlie  bob      alice    operator revoked
accounts:notification_settings           GET     login    200      200      200      200      login
accounts:choose_channels                 POST    login    done     done     done     done     login
accounts:set_hours                       POST    login    done     done     done     done     login
accounts:test_notification               POST    login    done     done     done     done     login
accounts:delivery_log                    GET     login    200      200      200      200      login
accounts:subscribe_browser               POST    login    400      400      400      400      login
accounts:forget_browser                  POST    login    404      404      done     404      login
accounts:link_telegram                   POST    login    done     done     done     done     login
accounts:unlink_telegram                 POST    login    done     done     done     done     login
accounts:name_phone                      POST    login    400      400      400      400      login
accounts:verify_phone                    POST    login    400      400      400      400      login
accounts:forget_phone                    POST    login    done     done     done     done     login
accounts:data                            GET     login    200      200      200      200      login
accounts:request_archive                 POST    login    done     done     done     done     login
accounts:download_archive                GET     login    404      404      409      404      login
accounts:give_consent                    POST    login    done     done     done     done     login
accounts:revoke_consent                  POST    login    done     done     done     done     login
accounts:leave                           POST    login    done     done     400      done     login
accounts:stay                            POST    login    done     done     done     done     login
service_worker                           GET     200      200      200      200      200      200
telegram_webhook                         POST    404      404      404      404      404      404
"""

NOTIFYING_API = """
route                                    method  nobody   charlie  bob      alice    operator revoked
accounts_api:test_notification           POST    401      201      201      201      201      401
accounts_api:notification_settings       GET     401      200      200      200      200      401
accounts_api:notification_settings       PATCH   401      200      200      200      200      401
accounts_api:deliveries                  GET     401      200      200      200      200      401
accounts_api:push_subscriptions          GET     401      200      200      200      200      401
accounts_api:push_subscriptions          POST    401      201      201      201      201      401
accounts_api:push_subscription           DELETE  401      404      404      204      404      401
accounts_api:telegram                    POST    401      409      409      409      409      401
accounts_api:telegram                    DELETE  401      204      204      204      204      401
accounts_api:phone                       PUT     401      409      409      409      409      401
accounts_api:phone                       DELETE  401      204      204      204      204      401
accounts_api:phone_code                  POST    401      400      400      400      400      401
accounts_api:archives                    GET     401      200      200      200      200      401
accounts_api:archives                    POST    401      202      202      202      202      401
accounts_api:archive                     GET     401      404      404      200      404      401
accounts_api:consents                    GET     401      200      200      200      200      401
accounts_api:consents                    POST    401      201      201      201      201      401
accounts_api:consent                     DELETE  401      204      204      204      204      401
accounts_api:departure                   GET     401      404      404      404      404      401
accounts_api:departure                   DELETE  401      204      204      204      204      401
"""
