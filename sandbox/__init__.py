"""A test exchange of our own: one venue core with real matching, and thin dialects that real exchange clients speak."""
