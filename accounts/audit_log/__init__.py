"""The audit as a record: its chain of hashes, search and export (docs/audit.md)."""
