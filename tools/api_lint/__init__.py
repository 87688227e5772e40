"""The API's descriptions under a linter: `make lint-api`."""
