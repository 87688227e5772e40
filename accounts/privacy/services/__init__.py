"""Every write of privacy: archives, consents, leaving, forgetting."""
