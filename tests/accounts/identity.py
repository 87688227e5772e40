"""Who logs in, in the tests of identity: wallets with real keys, put into a page as an extension would."""

from __future__ import annotations

import base64
import sys
from typing import Any

import base58
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_account import Account
from eth_account.messages import encode_defunct

# Its py_ecc lets the whole process nest 100,000 calls. As many brackets in a body would overflow the stack then.
sys.setrecursionlimit(1_000)

# Keys of nobody: the first is well known from test networks, the other one counts up.
ETHEREUM = Account.from_key("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
OTHER = Account.from_key("0x" + "22" * 32)
SOLANA = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SOLANA_ADDRESS = base58.b58encode(SOLANA.public_key().public_bytes_raw()).decode()

# What a wallet's extension gives a page; signing is done outside of it, with the key that the page never sees.
INJECTED = """
window.ethereum = {
  request: async ({ method, params }) =>
    method === "eth_requestAccounts" ? [await window.testAddress()] : window.testSignEthereum(params[0]),
};
window.solana = {
  connect: async () => ({ publicKey: { toString: () => "SOLANA_ADDRESS" } }),
  signMessage: async (bytes) => {
    const signed = await window.testSignSolana(new TextDecoder().decode(bytes));
    return { signature: Uint8Array.from(atob(signed), (one) => one.charCodeAt(0)) };
  },
};
""".replace("SOLANA_ADDRESS", SOLANA_ADDRESS)


def sign_ethereum(message: str, account: Any = ETHEREUM) -> str:
    """Return the signature that a wallet's `personal_sign` gives."""
    return "0x" + bytes(account.sign_message(encode_defunct(text=message)).signature).hex()


def sign_solana(message: str) -> str:
    return base64.b64encode(SOLANA.sign(message.encode())).decode()


def ethereum_address() -> str:
    return str(ETHEREUM.address.lower())


def put_wallets_into(page: Any) -> None:
    """Give the page's context both wallets."""
    page.expose_function("testAddress", ethereum_address)
    page.expose_function("testSignEthereum", lambda text: sign_ethereum(bytes.fromhex(text[2:]).decode()))
    page.expose_function("testSignSolana", sign_solana)
    page.add_init_script(INJECTED)
