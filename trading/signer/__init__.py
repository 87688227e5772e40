"""The signer: the one process that can open sealed keys, and what it does with them at venues."""
