/**
 * Passkeys. `<form data-passkey="create|get">` is sent once the browser's authenticator has answered: what it is asked
 * stands in the JSON that `data-passkey-options` names, or comes from the form's own address.
 */

import { on } from "./events.js";
import { toast } from "./toasts.js";

function bytes(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
}

function text(buffer) {
  const plain = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return plain.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const withBytes = (list) => list?.map((one) => ({ ...one, id: bytes(one.id) }));

async function create(wanted, form) {
  const options = {
    ...wanted,
    challenge: bytes(wanted.challenge),
    user: { ...wanted.user, id: bytes(wanted.user.id) },
    excludeCredentials: withBytes(wanted.excludeCredentials),
  };
  const alone = form.elements.passwordless;
  if (alone) {
    // A key that logs in alone keeps the account's name itself, and asks for a finger or a PIN.
    const residentKey = alone.checked ? "required" : "discouraged";
    options.authenticatorSelection = { ...wanted.authenticatorSelection, residentKey, requireResidentKey: alone.checked };
    if (alone.checked) {
      options.authenticatorSelection.userVerification = "required";
    }
  }
  return navigator.credentials.create({ publicKey: options });
}

async function get(wanted) {
  const allowCredentials = withBytes(wanted.allowCredentials);
  return navigator.credentials.get({ publicKey: { ...wanted, challenge: bytes(wanted.challenge), allowCredentials } });
}

function plain(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) {
      response[name] = text(credential.response[name]);
    }
  }
  const { id, type, authenticatorAttachment } = credential;
  const clientExtensionResults = credential.getClientExtensionResults();
  return { id, rawId: text(credential.rawId), type, authenticatorAttachment, clientExtensionResults, response };
}

async function optionsOf(form) {
  if (form.dataset.passkeyOptions) {
    const held = JSON.parse(document.getElementById(form.dataset.passkeyOptions).textContent);
    return (held.creation_options ?? held.request_options).publicKey;
  }
  const headers = { Accept: "application/json", "X-Requested-With": "XMLHttpRequest" };
  const answer = await fetch(form.action, { headers });
  if (!answer.ok) {
    throw new Error("no options");
  }
  return (await answer.json()).request_options.publicKey;
}

async function ask(form) {
  if (!window.PublicKeyCredential) {
    toast("This browser knows no passkeys: log in another way.", "warning");
    return;
  }
  try {
    const wanted = await optionsOf(form);
    const credential = form.dataset.passkey === "create" ? await create(wanted, form) : await get(wanted);
    form.elements.credential.value = JSON.stringify(plain(credential));
    form.submit();
  } catch (error) {
    const isKnown = error instanceof DOMException && error.name === "InvalidStateError";
    toast(isKnown ? "This device has a passkey for your account already." : "No passkey was used. Try again, or another way.", "warning");
  }
}

export function startPasskeys() {
  on("submit", "form[data-passkey]", (event, form) => {
    event.preventDefault();
    ask(form);
  });
}
