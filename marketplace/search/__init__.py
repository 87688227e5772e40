"""Finding what to follow: an index of listings, the ranking, searches kept, listings side by side."""
