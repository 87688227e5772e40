/**
 * Wallets that log in, or are linked. `<button data-wallet="ETHEREUM|SOLANA">` inside `<form data-wallet-challenge="…">`
 * asks the wallet in this browser for its address, the site for a message, and the wallet for its signature.
 */

import { on } from "./events.js";
import { toast } from "./toasts.js";

/** What somebody is to be told, and nobody else caused. */
class Refusal extends Error {}

const REJECTED = 4001;

async function messageFor(form, chain, address) {
  const body = new URLSearchParams({ chain, address });
  const headers = { Accept: "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
  const answer = await fetch(form.dataset.walletChallenge, { method: "POST", body, headers });
  const found = await answer.json();
  if (!answer.ok) {
    throw new Refusal(found.detail);
  }
  return found.message;
}

function hex(text) {
  return `0x${[...new TextEncoder().encode(text)].map((one) => one.toString(16).padStart(2, "0")).join("")}`;
}

async function signWithEthereum(form) {
  const provider = window.ethereum;
  if (!provider) {
    throw new Refusal("There is no Ethereum wallet in this browser.");
  }
  const [address] = await provider.request({ method: "eth_requestAccounts" });
  const message = await messageFor(form, "ETHEREUM", address);
  return provider.request({ method: "personal_sign", params: [hex(message), address] });
}

async function signWithSolana(form) {
  const provider = window.phantom?.solana ?? window.solana;
  if (!provider) {
    throw new Refusal("There is no Solana wallet in this browser.");
  }
  const { publicKey } = await provider.connect();
  const message = await messageFor(form, "SOLANA", publicKey.toString());
  const { signature } = await provider.signMessage(new TextEncoder().encode(message), "utf8");
  return btoa(String.fromCharCode(...signature));
}

async function sign(_event, button) {
  const form = button.form;
  button.disabled = true;
  try {
    form.elements.signature.value = await (button.dataset.wallet === "SOLANA" ? signWithSolana : signWithEthereum)(form);
    form.submit();
  } catch (error) {
    const isRejected = error?.code === REJECTED;
    const told = error instanceof Refusal ? error.message : "The wallet did not answer. Open it, then try again.";
    toast(isRejected ? "You did not sign. Nothing happened." : told, "warning");
    button.disabled = false;
  }
}

export function startWallets() {
  on("click", "[data-wallet]", sign);
}
