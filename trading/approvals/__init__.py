"""Four eyes: opens by hand above a limit wait as rows until a second person approves or rejects them (docs/teams.md)."""
