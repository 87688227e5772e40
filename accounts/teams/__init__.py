"""Workspaces: people who work on the same portfolios, each by a role; invitations, custom permission sets (docs/teams.md)."""
