"""Records that cannot be edited unnoticed: hashes, chains, trees, signed roots, and what checks them (docs/records.md)."""
