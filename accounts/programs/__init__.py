"""How programs come in: tokens and what they may do, how often, and the one style of every API route."""
