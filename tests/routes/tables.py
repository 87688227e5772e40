"""Who gets what: one row per route and method, one column per asker.

A number is the answer's status; `login` is a redirect to the log-in page that leads back here, `entry` one that does
not, `done` a redirect to another page of this site. 404 and never 403 is what somebody gets who must not know that a
thing exists. Addresses are filled with alice's things; follows are bob's. What a row's request carries stands in bodies.py.

A row of the admin with a star holds for every model that has no row of its own there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.routes.routes import Route
from tests.routes.tables_clients import CLIENTS
from tests.routes.tables_finding import FINDING
from tests.routes.tables_identity import IDENTITY
from tests.routes.tables_listings import LISTINGS
from tests.routes.tables_money import MONEY
from tests.routes.tables_notifying import NOTIFYING_API, NOTIFYING_PAGES
from tests.routes.tables_programs import PROGRAM_API, PROGRAM_PAGES
from tests.routes.tables_publishing import PUBLISHING_API, PUBLISHING_PAGES
from tests.routes.tables_teams import TEAM_API, TEAM_PAGES
from tests.routes.world import ASKERS

PAGES = """
route                                    method  nobody   charlie  bob      alice    operator revoked
overview                                 GET     200      200      200      200      200      200
metrics                                  GET     404      404      404      404      200      404
accounts:profile                         GET     login    200      200      200      200      login
accounts:profile                         POST    login    done     done     done     done     login
accounts:tokens                          GET     login    200      200      200      200      login
accounts:tokens                          POST    login    200      200      200      200      login
accounts:revoke                          POST    login    404      404      done     404      login
accounts:notifications                   GET     login    200      200      200      200      login
accounts:read_all                        POST    login    done     done     done     done     login
accounts:read_one                        POST    login    done     done     done     done     login
accounts:webhooks                        GET     login    200      200      200      200      login
accounts:webhooks                        POST    login    200      200      200      200      login
accounts:webhook                         GET     login    404      404      200      404      login
accounts:rotate_webhook                  POST    login    404      404      200      404      login
accounts:test_webhook                    POST    login    404      404      done     404      login
accounts:enable_webhook                  POST    login    404      404      done     404      login
accounts:delete_webhook                  POST    login    404      404      done     404      login
accounts:redeliver_webhook               POST    login    404      404      done     404      login
accounts:activity                        GET     login    200      200      200      200      login
markets:list                             GET     200      200      200      200      200      200
markets:venues                           GET     200      200      200      200      200      200
markets:instrument                       GET     200      200      200      200      200      200
markets:candles                          GET     200      200      200      200      200      200
markets:history                          GET     200      200      200      200      200      200
markets:load_history                     POST    login    400      400      400      400      login
markets:cancel_history                   POST    login    404      404      done     404      login
markets:alerts                           GET     login    200      200      200      200      login
markets:forget_alerts                    POST    login    done     done     done     done     login
markets:cancel_alert                     POST    login    404      404      done     404      login
markets:watch_lists                      GET     login    200      200      200      200      login
markets:watch_lists                      POST    login    done     done     done     done     login
markets:watch_list                       GET     login    404      404      200      404      login
markets:rename_watch_list                POST    login    404      404      done     404      login
markets:delete_watch_list                POST    login    404      404      done     404      login
markets:add_watched                      POST    login    404      404      done     404      login
markets:remove_watched                   POST    login    404      404      done     404      login
markets:move_watched                     POST    login    404      404      done     404      login
markets:watch                            GET     login    200      200      200      200      login
markets:watch                            POST    login    404      404      done     404      login
markets:instrument_alerts                GET     login    200      200      200      200      login
markets:new_alert                        GET     login    200      200      200      200      login
markets:new_alert                        POST    login    done     done     done     done     login
markets:scanners                         GET     200      200      200      200      200      200
markets:scanner                          GET     200      200      200      200      200      200
portfolios:list                          GET     login    200      200      200      200      login
portfolios:open                          GET     login    200      200      200      200      login
portfolios:open                          POST    login    done     done     done     done     login
portfolios:summary                       GET     login    404      404      200      404      login
portfolios:positions                     GET     login    404      404      200      404      login
portfolios:balances                      GET     login    404      404      200      404      login
portfolios:equity                        GET     login    404      404      200      404      login
portfolios:ledger                        GET     login    404      404      200      404      login
portfolios:deposit                       GET     login    404      404      200      404      login
portfolios:deposit                       POST    login    404      404      done     404      login
portfolios:withdraw                      GET     login    404      404      200      404      login
portfolios:withdraw                      POST    login    404      404      done     404      login
portfolios:transfer                      GET     login    404      404      200      404      login
portfolios:transfer                      POST    login    404      404      done     404      login
portfolios:live_trading                  POST    login    404      404      done     404      login
portfolios:costs                         GET     login    404      404      200      404      login
portfolios:costs                         POST    login    404      404      done     404      login
portfolios:detail                        GET     login    404      404      200      404      login
portfolios:chart                         GET     login    404      404      200      404      login
portfolios:orders                        GET     login    404      404      200      404      login
portfolios:recent_orders                 GET     login    404      404      200      404      login
portfolios:place                         POST    login    404      404      done     404      login
portfolios:estimate                      GET     login    404      404      200      404      login
portfolios:open_orders                   GET     login    404      404      200      404      login
portfolios:cancel_orders                 POST    login    404      404      done     404      login
portfolios:margin_terms                  GET     login    404      404      404      404      login
portfolios:margin_terms                  POST    login    404      404      404      404      login
portfolios:funding                       GET     login    404      404      200      404      login
portfolios:close                         POST    login    404      404      done     404      login
portfolios:close_all                     POST    login    404      404      done     404      login
portfolios:fills                         GET     login    404      404      200      404      login
portfolios:recent_fills                  GET     login    404      404      200      404      login
portfolios:follow                        GET     login    404      200      404      404      login
portfolios:copies                        GET     login    404      200      404      404      login
portfolios:follow_log                    GET     login    404      200      404      404      login
portfolios:follow_account                GET     login    404      200      404      404      login
exchange_accounts:list                   GET     login    200      200      200      200      login
exchange_accounts:choose                 GET     login    200      200      200      200      login
exchange_accounts:connect                GET     login    200      200      200      200      login
exchange_accounts:connect                POST    login    done     done     done     done     login
exchange_accounts:detail                 GET     login    404      404      200      404      login
exchange_accounts:status                 GET     login    404      404      200      404      login
exchange_accounts:check                  POST    login    404      404      done     404      login
exchange_accounts:rename                 POST    login    404      404      done     404      login
exchange_accounts:rekey                  GET     login    404      404      200      404      login
exchange_accounts:rekey                  POST    login    404      404      done     404      login
exchange_accounts:revoke                 POST    login    404      404      done     404      login
trading:account_trades                   GET     login    404      404      200      404      login
trading:cancel_account                   POST    login    404      404      done     404      login
trading:assign_fill                      POST    login    404      404      done     404      login
portfolios:risk                          GET     login    404      404      200      404      login
portfolios:risk_panel                    GET     login    404      404      200      404      login
portfolios:risk_profile                  POST    login    404      404      done     404      login
portfolios:risk_limits                   GET     login    404      404      200      404      login
portfolios:risk_limits                   POST    login    404      404      done     404      login
portfolios:risk_safety                   POST    login    404      404      done     404      login
portfolios:risk_close_all                POST    login    404      404      done     404      login
trading:order                            GET     login    404      404      200      404      login
trading:edit                             GET     login    404      404      200      404      login
trading:edit                             POST    login    404      404      done     404      login
trading:cancel                           POST    login    404      404      done     404      login
trading:templates                        GET     login    200      200      200      200      login
trading:new_template                     GET     login    200      200      200      200      login
trading:new_template                     POST    login    done     done     done     done     login
trading:edit_template                    GET     login    404      404      200      404      login
trading:edit_template                    POST    login    404      404      done     404      login
trading:delete_template                  POST    login    404      404      done     404      login
portfolios:plans                         GET     login    404      404      200      404      login
portfolios:recent_plans                  GET     login    404      404      200      404      login
portfolios:new_plan                      GET     login    404      404      200      404      login
portfolios:new_plan                      POST    login    404      404      done     404      login
portfolios:preview_plan                  GET     login    404      404      200      404      login
trading:plan                             GET     login    404      404      200      404      login
trading:plan_panel                       GET     login    404      404      200      404      login
trading:pause_plan                       POST    login    404      404      done     404      login
trading:resume_plan                      POST    login    404      404      done     404      login
trading:stop_plan                        POST    login    404      404      done     404      login
trading:follows                          GET     login    200      200      200      200      login
trading:pause                            POST    login    404      done     404      404      login
trading:resume                           GET     login    404      done     404      404      login
trading:resume                           POST    login    404      409      404      404      login
trading:stop                             POST    login    404      done     404      404      login
portfolios:followers                     GET     login    404      404      200      404      login
trading:guards                           GET     login    404      200      404      404      login
trading:guards                           POST    login    404      done     404      404      login
trading:signals                          GET     login    404      404      200      404      login
trading:signals                          POST    login    404      404      200      404      login
trading:renew_signals                    POST    login    404      404      200      404      login
trading:switch_signals                   POST    login    404      404      done     404      login
trading:copy_settings                    GET     login    404      200      404      404      login
trading:copy_settings                    POST    login    404      done     404      404      login
trading:copy_plan                        GET     login    404      200      404      404      login
trading:copy_plan                        POST    login    404      done     404      404      login
trading:switch_mine                      POST   login    done     done     done     done     login
trading:close_mine                       POST   login    done     done     done     done     login
strategies:list                          GET     login    200      200      200      200      login
strategies:new                           GET     login    200      200      200      200      login
strategies:new                           POST    login    done     done     done     done     login
strategies:check                         POST    login    200      200      200      200      login
strategies:schema                        GET     200      200      200      200      200      200
strategies:detail                        GET     login    404      404      200      404      login
strategies:edit                          GET     login    404      404      200      404      login
strategies:edit                          POST    login    404      404      done     404      login
strategies:start                         GET     login    404      404      200      404      login
strategies:start                         POST    login    404      404      done     404      login
strategies:run                           GET     login    404      404      200      404      login
strategies:stop                          POST    login    404      404      done     404      login
strategies:try                           GET     login    404      404      200      404      login
strategies:try                           POST    login    404      404      done     404      login
strategies:sweep_version                 GET     login    404      404      200      404      login
strategies:sweep_version                 POST    login    404      404      done     404      login
strategies:sweep_count                   POST    login    404      404      200      404      login
strategies:backtests                     GET     login    200      200      200      200      login
strategies:compare                       GET     login    200      200      200      200      login
strategies:compared_equity               GET     login    200      200      200      200      login
strategies:backtest                      GET     login    404      404      200      404      login
strategies:cancel_backtest               POST    login    404      404      done     404      login
strategies:delete_backtest               POST    login    404      404      done     404      login
strategies:backtest_trades               GET     login    404      404      200      404      login
strategies:backtest_equity               GET     login    404      404      200      404      login
strategies:backtest_prices               GET     login    404      404      200      404      login
strategies:trades_csv                    GET     login    404      404      200      404      login
strategies:trades_parquet                GET     login    404      404      200      404      login
strategies:sweeps                        GET     login    200      200      200      200      login
strategies:sweep                         GET     login    404      404      200      404      login
strategies:cancel_sweep                  POST    login    404      404      done     404      login
strategies:delete_sweep                   POST    login    404      404      done     404      login
strategies:save_point                    POST    login    404      404      done     404      login
community:leaderboard                    GET     200      200      200      200      200      200
community:competitions                   GET     200      200      200      200      200      200
community:new_competition                GET     login    404      404      404      200      login
community:new_competition                POST    login    404      404      404      done     login
community:competition                    GET     200      200      200      200      200      200
community:enter                          POST    login    done     done     done     done     login
community:profile                        GET     200      200      200      200      200      200
"""

ACCOUNT_PAGES = """
route                                    method  nobody   charlie  bob      alice    operator revoked
account_login                            GET     200      done     done     done     done     200
account_login                            POST    done     done     done     done     done     done
account_logout                           GET     done     200      200      200      200      done
account_logout                           POST    done     done     done     done     done     done
account_inactive                         GET     200      200      200      200      200      200
account_signup                           GET     200      done     done     done     done     200
account_signup                           POST    done     done     done     done     done     done
account_reauthenticate                   GET     login    200      200      200      200      login
account_reauthenticate                   POST    login    done     done     done     done     login
account_email                            GET     login    200      200      200      200      login
account_email                            POST    login    done     done     done     done     login
account_change_password                  GET     login    200      200      200      200      login
account_change_password                  POST    login    done     done     done     done     login
account_set_password                     GET     login    done     done     done     done     login
account_set_password                     POST    login    done     done     done     done     login
account_reset_password                   GET     200      200      200      200      200      200
account_reset_password                   POST    done     done     done     done     done     done
account_confirm_login_code               GET     entry    done     done     done     done     entry
account_confirm_login_code               POST    entry    done     done     done     done     entry
account_reset_password_from_key_done     GET     200      200      200      200      200      200
account_reset_password_from_key          GET     200      200      200      200      200      200
account_reset_password_from_key          POST    200      200      200      200      200      200
account_reset_password_done              GET     200      200      200      200      200      200
mfa_index                                GET     login    200      200      200      200      login
mfa_authenticate                         GET     entry    done     done     done     done     entry
mfa_authenticate                         POST    entry    done     done     done     done     entry
mfa_reauthenticate                       GET     login    entry    entry    entry    entry    login
mfa_reauthenticate                       POST    login    entry    entry    entry    entry    login
mfa_activate_totp                        GET     login    200      200      200      200      login
mfa_activate_totp                        POST    login    200      200      200      200      login
mfa_deactivate_totp                      GET     login    404      404      404      404      login
mfa_deactivate_totp                      POST    login    404      404      404      404      login
mfa_view_recovery_codes                  GET     login    404      404      404      404      login
mfa_generate_recovery_codes              GET     login    200      200      200      200      login
mfa_generate_recovery_codes              POST    login    200      200      200      200      login
mfa_download_recovery_codes              GET     login    404      404      404      404      login
"""

API = """
route                                    method  nobody   charlie  bob      alice    operator revoked
accounts_api:tokens                      GET     401      200      200      200      200      401
accounts_api:tokens                      POST    201      403      403      403      403      401
accounts_api:token                       DELETE  401      404      404      204      404      401
accounts_api:webhooks                    GET     401      200      200      200      200      401
accounts_api:webhooks                    POST    401      201      201      201      201      401
accounts_api:webhook                     DELETE  401      404      404      204      404      401
accounts_api:webhook_deliveries          GET     401      404      404      200      404      401
accounts_api:me                          GET     401      200      200      200      200      401
accounts_api:me                          PATCH   401      200      200      200      200      401
accounts_api:notifications               GET     401      200      200      200      200      401
accounts_api:mark_read                   POST    401      200      200      200      200      401
accounts_api:invitations                 GET     401      403      403      403      200      401
accounts_api:invitations                 POST    401      403      403      403      201      401
markets_api:instruments                  GET     401      200      200      200      200      401
markets_api:instrument                   GET     401      200      200      200      200      401
markets_api:candles                      GET     401      200      200      200      200      401
markets_api:backfills                    GET     401      200      200      200      200      401
markets_api:backfills                    POST    401      201      201      201      201      401
markets_api:backfill                     GET     401      404      404      200      404      401
markets_api:backfill                     DELETE  401      404      404      204      404      401
markets_api:book                         GET     401      200      200      200      200      401
markets_api:trades                       GET     401      200      200      200      200      401
markets_api:funding                      GET     401      400      400      400      400      401
markets_api:tickers                      GET     401      200      200      200      200      401
markets_api:venues                       GET     401      200      200      200      200      401
markets_api:alerts                       GET     401      200      200      200      200      401
markets_api:alerts                       POST    401      201      201      201      201      401
markets_api:alert                        GET     401      404      404      200      404      401
markets_api:alert                        DELETE  401      404      404      200      404      401
markets_api:watch_lists                  GET     401      200      200      200      200      401
markets_api:watch_lists                  POST    401      201      201      201      201      401
markets_api:watch_list                   GET     401      404      404      200      404      401
markets_api:watch_list                   PATCH   401      404      404      200      404      401
markets_api:watch_list                   DELETE  401      404      404      204      404      401
markets_api:watch_list_order             PUT     401      404      404      200      404      401
markets_api:watched_instruments          POST    401      404      404      200      404      401
markets_api:watched_instrument           DELETE  401      404      404      204      404      401
markets_api:movers                       GET     401      200      200      200      200      401
markets_api:scanner                      GET     401      200      200      200      200      401
portfolios_api:portfolios                GET     401      200      200      200      200      401
portfolios_api:portfolios                POST    401      201      201      201      201      401
portfolios_api:portfolio                 GET     401      404      404      200      404      401
portfolios_api:deposit                   POST    401      404      404      200      404      401
portfolios_api:withdraw                  POST    401      404      404      200      404      401
portfolios_api:transfer                  POST    401      404      404      200      404      401
portfolios_api:live_trading              PUT     401      404      404      200      404      401
portfolios_api:costs                     GET     401      404      404      200      404      401
portfolios_api:costs                     PUT     401      404      404      200      404      401
portfolios_api:equity                    GET     401      404      404      200      404      401
portfolios_api:funding_payments          GET     401      404      404      200      404      401
portfolios_api:ledger                    GET     401      404      404      200      404      401
portfolios_api:positions                 GET     401      404      404      200      404      401
portfolios_api:exchange_accounts         GET     401      200      200      200      200      401
portfolios_api:exchange_accounts         POST    401      201      201      201      201      401
portfolios_api:exchange_account_venues   GET     401      200      200      200      200      401
portfolios_api:exchange_account          GET     401      404      404      200      404      401
portfolios_api:exchange_account          PATCH   401      404      404      200      404      401
portfolios_api:exchange_account          DELETE  401      404      404      204      404      401
portfolios_api:exchange_account_key      PUT     401      404      404      200      404      401
portfolios_api:exchange_account_check    POST    401      404      404      202      404      401
portfolios_api:exchange_account_uses     GET     401      404      404      200      404      401
portfolios_api:exchange_account_balances GET     401      404      404      200      404      401
trading_api:orders                       GET     401      200      200      200      200      401
trading_api:orders                       POST    401      404      404      201      404      401
trading_api:order                        GET     401      404      404      200      404      401
trading_api:order                        PATCH   401      404      404      200      404      401
trading_api:cancel                       POST    401      404      404      200      404      401
trading_api:entries                      GET     401      404      404      200      404      401
trading_api:margin_terms                 GET     401      404      404      404      404      401
trading_api:margin_terms                 PUT     401      404      404      400      404      401
trading_api:bulk                         POST    401      404      404      200      404      401
trading_api:templates                    GET     401      200      200      200      200      401
trading_api:templates                    POST    401      201      201      201      201      401
trading_api:template                     GET     401      404      404      200      404      401
trading_api:template                     PUT     401      404      404      200      404      401
trading_api:template                     DELETE  401      404      404      204      404      401
trading_api:pairs                        POST    401      404      404      201      404      401
trading_api:cancel_all                   POST    401      404      404      200      404      401
trading_api:close                        POST    401      404      404      201      404      401
trading_api:fills                        GET     401      200      200      200      200      401
trading_api:fill                         GET     401      404      404      200      404      401
trading_api:plans                        GET     401      200      200      200      200      401
trading_api:plans                        POST    401      404      404      201      404      401
trading_api:preview_plan                 POST    401      404      404      200      404      401
trading_api:plan                         GET     401      404      404      200      404      401
trading_api:pause_plan                   POST    401      404      404      200      404      401
trading_api:resume_plan                  POST    401      404      404      200      404      401
trading_api:stop_plan                    POST    401      404      404      200      404      401
trading_api:follow_terms                 GET     401      200      200      200      200      401
trading_api:follows                      GET     401      200      200      200      200      401
trading_api:follow                       GET     401      404      200      404      404      401
trading_api:profit_share                 GET     401      404      200      404      404      401
trading_api:shortfall                    GET     401      404      200      404      404      401
trading_api:pause                        POST    401      404      200      404      404      401
trading_api:resume                       POST    401      404      409      404      404      401
trading_api:stop                         POST    401      404      200      404      404      401
trading_api:followers                    GET     401      404      404      200      404      401
trading_api:guards                       GET     401      404      200      404      404      401
trading_api:guards                       PUT     401      404      200      404      404      401
trading_api:protective_stop              GET     401      404      200      404      404      401
trading_api:protective_stop              PUT     401      404      200      404      404      401
trading_api:signal_sources               GET     401      200      200      200      200      401
trading_api:signal_sources               POST    401      404      404      201      404      401
trading_api:signal                       POST    400      400      400      400      400      400
trading_api:signal_source                PATCH   401      404      404      200      404      401
trading_api:signal_secret                POST    401      404      404      200      404      401
trading_api:copy_settings                GET     401      404      200      404      404      401
trading_api:copy_settings                PUT     401      404      200      404      404      401
trading_api:follow_log                   GET     401      404      200      404      404      401
trading_api:copy_plan                    GET     401      404      200      404      404      401
trading_api:copy_plan                    POST    401      404      200      404      404      401
trading_api:safety                       GET     401      200      200      200      200      401
trading_api:safety                       PUT     401      403      403      403      200      401
trading_api:scope_safety                 GET    401      404      404      200      200      401
trading_api:scope_safety                 PUT    401      404      404      200      200      401
trading_api:close_all                    POST   401      404      404      200      200      401
trading_api:risk                         GET    401      404      404      200      404      401
trading_api:risk                         PUT    401      404      404      200      404      401
trading_api:risk                         DELETE 401      404      404      204      404      401
trading_api:risk_decisions               GET    401      404      404      200      404      401
strategies_api:strategies                GET     401      200      200      200      200      401
strategies_api:strategies                POST    401      201      201      201      201      401
strategies_api:strategy                  GET     401      404      404      200      404      401
strategies_api:strategy                  PUT     401      404      404      200      404      401
strategies_api:runs                      GET     401      200      200      200      200      401
strategies_api:runs                      POST    401      404      404      201      404      401
strategies_api:run                       GET     401      404      404      200      404      401
strategies_api:stop_run                  POST    401      404      404      200      404      401
strategies_api:node_types                GET     200      200      200      200      200      401
strategies_api:graph_schema              GET     200      200      200      200      200      401
strategies_api:templates                 GET     200      200      200      200      200      401
strategies_api:check                     POST    401      200      200      200      200      401
strategies_api:backtests                 GET     401      200      200      200      200      401
strategies_api:backtests                 POST    401      404      404      201      404      401
strategies_api:compare                   GET     401      404      404      200      404      401
strategies_api:backtest                  GET     401      404      404      200      404      401
strategies_api:backtest                  DELETE  401      404      404      204      404      401
strategies_api:cancel_backtest           POST    401      404      404      200      404      401
strategies_api:backtest_equity           GET     401      404      404      200      404      401
strategies_api:backtest_trades           GET     401      404      404      200      404      401
strategies_api:trades_csv                GET     401      404      404      200      404      401
strategies_api:trades_parquet            GET     401      404      404      200      404      401
strategies_api:sweeps                    GET     401      200      200      200      200      401
strategies_api:sweeps                    POST    401      404      404      201      404      401
strategies_api:sweep                     GET     401      404      404      200      404      401
strategies_api:sweep                     DELETE  401      404      404      204      404      401
strategies_api:cancel_sweep              POST    401      404      404      200      404      401
strategies_api:points                    GET     401      404      404      200      404      401
community_api:leaderboard                GET     401      200      200      200      200      401
community_api:competitions               GET     401      200      200      200      200      401
community_api:competitions               POST    401      403      403      403      201      401
community_api:competition                GET     401      200      200      200      200      401
community_api:ranking                    GET     401      200      200      200      200      401
community_api:enter                      POST    401      201      201      409      201      401
community_api:profile                    GET     401      200      200      200      200      401
schema                                   GET     200      200      200      200      200      401
api_docs                                 GET     200      200      200      200      200      401
"""

ADMIN = """
route                                    method  nobody   charlie  bob      alice    operator revoked
admin:index                              GET     login    login    login    login    200      login
admin:search                             GET     login    login    login    login    200      login
admin:app_list                           GET     login    login    login    login    200      login
admin:rest                               GET     login    login    login    login    404      login
admin:login                              GET     login    403      403      403      done     login
admin:login                              POST    login    403      403      403      200      login
admin:logout                             GET     done     done     done     done     405      done
admin:logout                             POST    done     done     done     done     done     done
admin:password_change                    GET     login    login    login    login    200      login
admin:password_change                    POST    login    login    login    login    done     login
admin:password_change_done               GET     login    login    login    login    200      login
admin:autocomplete                       GET     login    login    login    login    403      login
admin:jsi18n                             GET     login    login    login    login    200      login
admin:view_on_site                       GET     login    login    login    login    404      login
admin:trading_safetyswitch_halt          GET     login    login    login    login    200      login
admin:trading_safetyswitch_halt          POST    login    login    login    login    done     login
admin:trading_safetyswitch_resume        GET     login    login    login    login    200      login
admin:trading_safetyswitch_resume        POST    login    login    login    login    done     login
admin:trading_safetyswitch_queues           GET     login    login    login    login    200      login
admin:trading_safetyswitch_queues           POST    login    login    login    login    done     login
admin:community_competition_add          GET     login    login    login    login    done     login
admin:community_competition_add          POST    login    login    login    login    done     login
admin:accounts_plan_add                  GET     login    login    login    login    200      login
admin:accounts_plan_add                  POST    login    login    login    login    200      login
admin:accounts_plan_change               POST    login    login    login    login    200      login
admin:accounts_invitation_add            GET     login    login    login    login    200      login
admin:accounts_invitation_add            POST    login    login    login    login    done     login
admin:accounts_user_change               POST    login    login    login    login    200      login
admin:trading_leadstream_change          POST    login    login    login    login    done     login
admin:*_changelist                       GET     login    login    login    login    200      login
admin:*_changelist                       POST    login    login    login    login    200      login
admin:*_add                              GET     login    login    login    login    403      login
admin:*_add                              POST    login    login    login    login    403      login
admin:*_change                           GET     login    login    login    login    200      login
admin:*_change                           POST    login    login    login    login    403      login
admin:*_delete                           GET     login    login    login    login    403      login
admin:*_delete                           POST    login    login    login    login    403      login
admin:*_history                          GET     login    login    login    login    200      login
admin:*_bare                             GET     login    login    login    login    done     login
"""


@dataclass(frozen=True, slots=True)
class Row:
    """What one route and method answers each asker."""

    name: str
    method: str
    answers: Mapping[str, str]


def _parsed(text: str) -> list[Row]:
    head, *lines = (line.split() for line in text.strip().splitlines())
    assert head == ["route", "method", *ASKERS]
    return [Row(name, method, dict(zip(ASKERS, answers, strict=True))) for name, method, *answers in lines]


_TABLES = (
    PAGES,
    ACCOUNT_PAGES,
    API,
    ADMIN,
    PUBLISHING_PAGES,
    PUBLISHING_API,
    MONEY,
    FINDING,
    LISTINGS,
    IDENTITY,
    NOTIFYING_PAGES,
    NOTIFYING_API,
    PROGRAM_PAGES,
    PROGRAM_API,
    TEAM_PAGES,
    TEAM_API,
    CLIENTS,
)
ROWS = [row for text in _TABLES for row in _parsed(text)]


def rows_of(route: Route) -> list[Row]:
    """Return a route's rows: its own, and those with a star for methods that it has no row of its own for."""
    own = {row.method: row for row in ROWS if row.name == route.name}
    shared = {row.method: row for row in ROWS if "*" in row.name and fnmatchcase(route.name, row.name)}
    return list((shared | own).values())
