"""The use of somebody else's strategy: who may use which version, until when, and whether they see what it does."""
