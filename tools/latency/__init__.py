"""The processes of the bench rows on how soon workers act: an order at its broker, copies of many leads' fills."""
