"""What people may ask about their data: an archive of it, their consents, and to be forgotten."""
