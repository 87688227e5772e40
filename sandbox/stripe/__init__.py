"""A payment processor of our own that an unmodified Stripe client takes for Stripe: state in memory, time that can be moved."""
