"""Wallets that log in: Ethereum (EIP-4361) and Solana. docs/identity.md is the law."""
