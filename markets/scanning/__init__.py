"""Live scanners: what they look at, what they find, the process that looks while somebody watches, and their pages and API."""
