"""The security log: what touched somebody's way in, as they themselves read it."""
