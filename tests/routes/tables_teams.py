"""Who gets what of workspaces, of what is shared, of what waits for a second person, and of the audit, as tables.py has it."""

TEAM_PAGES = """
route                                    method  nobody   charlie  bob      alice    operator revoked
accounts:workspaces                      GET     login    200      200      200      200      login
accounts:workspaces                      POST    login    done     done     done     done     login
accounts:join_workspace                  GET     login    200      200      200      200      login
accounts:join_workspace                  POST    login    403      done     403      403      login
accounts:workspace                       GET     login    404      404      200      404      login
accounts:rename_workspace                POST    login    404      404      done     404      login
accounts:close_workspace                 POST    login    404      404      done     404      login
accounts:leave_workspace                 POST    login    404      404      done     404      login
accounts:workspace_audit                 GET     login    404      404      200      404      login
accounts:invite_to_workspace             POST    login    404      404      done     404      login
accounts:withdraw_workspace_invitation   POST    login    404      404      done     404      login
accounts:workspace_role                  POST    login    404      404      done     404      login
accounts:remove_from_workspace           POST    login    404      404      done     404      login
accounts:transfer_workspace              POST    login    404      404      done     404      login
accounts:new_workspace_set               GET     login    404      404      200      404      login
accounts:new_workspace_set               POST    login    404      404      done     404      login
accounts:edit_workspace_set              GET     login    404      404      200      404      login
accounts:edit_workspace_set              POST    login    404      404      done     404      login
accounts:delete_workspace_set            POST    login    404      404      done     404      login
accounts:audit                           GET     login    200      200      200      200      login
accounts:export_audit                    GET     login    200      200      200      200      login
accounts:audit_of_all                    GET     login    403      403      403      200      login
accounts:export_audit_of_all             GET     login    403      403      403      200      login
portfolios:sharing                       GET     login    404      404      200      404      login
portfolios:give                          POST    login    404      404      done     404      login
portfolios:take                          POST    login    404      404      done     404      login
portfolios:lend                          POST    login    404      404      done     404      login
portfolios:end_lending                   POST    login    404      404      done     404      login
portfolios:group                         POST    login    404      404      done     404      login
portfolios:ungroup                       POST    login    404      404      done     404      login
portfolios:approval                      POST    login    404      404      done     404      login
portfolios:approvals                     GET     login    404      404      200      404      login
trading:approve                          POST    login    404      404      done     404      login
trading:reject                           POST    login    404      404      done     404      login
"""

TEAM_API = """
route                                    method  nobody   charlie  bob      alice    operator revoked
accounts_api:audit                       GET     401      200      200      200      200      401
accounts_api:export_audit                GET     401      200      200      200      200      401
accounts_api:workspaces                  GET     401      200      200      200      200      401
accounts_api:workspaces                  POST    401      201      201      201      201      401
accounts_api:join_workspace              POST    401      403      201      403      403      401
accounts_api:workspace                   GET     401      404      404      200      404      401
accounts_api:workspace                   PATCH   401      404      404      200      404      401
accounts_api:workspace                   DELETE  401      404      404      204      404      401
accounts_api:workspace_audit             GET     401      404      404      200      404      401
accounts_api:workspace_members           GET     401      404      404      200      404      401
accounts_api:workspace_member            PATCH   401      404      404      200      404      401
accounts_api:workspace_member            DELETE  401      404      404      204      404      401
accounts_api:workspace_invitations       GET     401      404      404      200      404      401
accounts_api:workspace_invitations       POST    401      404      404      201      404      401
accounts_api:workspace_invitation        DELETE  401      404      404      204      404      401
accounts_api:workspace_owner             PUT     401      404      404      200      404      401
accounts_api:workspace_sets              GET     401      404      404      200      404      401
accounts_api:workspace_sets              POST    401      404      404      201      404      401
accounts_api:workspace_set               PUT     401      404      404      200      404      401
accounts_api:workspace_set               DELETE  401      404      404      204      404      401
portfolios_api:sharing                   GET     401      404      404      200      404      401
portfolios_api:workspace_of_portfolio    PUT     401      404      404      409      404      401
portfolios_api:workspace_of_portfolio    DELETE  401      404      404      204      404      401
portfolios_api:delegations               GET     401      404      404      200      404      401
portfolios_api:delegations               POST    401      404      404      201      404      401
portfolios_api:delegation                DELETE  401      404      404      204      404      401
portfolios_api:sub_account               PUT     401      404      404      200      404      401
portfolios_api:sub_account               DELETE  401      404      404      204      404      401
portfolios_api:approval_limit            PUT     401      404      404      200      404      401
trading_api:approvals                    GET     401      200      200      200      200      401
trading_api:approval                     GET     401      404      404      200      404      401
trading_api:approve                      POST    401      404      404      200      404      401
trading_api:reject                       POST    401      404      404      200      404      401
"""
