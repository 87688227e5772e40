"""What a strategy says, without code: a typed graph of nodes with three faces (template form, formula, JSON)."""
