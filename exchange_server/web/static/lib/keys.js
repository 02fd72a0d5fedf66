// A logon by an Ed25519 key: the private half is read, signs the exchange's challenge here, and leaves this page in no form.

const ALGORITHM = { name: "Ed25519" };
const NAMED = /^exos key (\S+) of /m; // the first line of a file that `exos key create` wrote
const PEM = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/;
const PURPOSE = { login: "exos binary logon", principal: "exos admin logon" };

export class KeyProblem extends Error {}

/** Why this browser cannot sign; "": it can. */
export async function missing() {
  if (!globalThis.crypto?.subtle) return "This page is not under https: here the browser lets no page sign. Log in with a secret, or open the page under https.";
  try {
    await crypto.subtle.generateKey(ALGORITHM, false, ["sign", "verify"]);
    return "";
  } catch {
    return "This browser cannot sign with Ed25519 keys. Log in with a secret, or use a newer browser.";
  }
}

/** The id that the text of a key names; "" if it names none. */
export function idOf(text) {
  return NAMED.exec(text)?.[1] ?? "";
}

/** The key of a text: PEM, with or without the line above it. It cannot be taken out of the browser's keeping again. Raises KeyProblem. */
export async function read(text) {
  const found = PEM.exec(text);
  if (!found) throw new KeyProblem("This is no private key: its text has the lines BEGIN PRIVATE KEY and END PRIVATE KEY.");
  if (found[1] !== "PRIVATE KEY") throw new KeyProblem(found[1].includes("ENCRYPTED") ? "The key is encrypted with a password: decrypt it first (openssl pkey)." : `This is a ${found[1].toLowerCase()}: a private key in PKCS 8 is needed.`);
  try {
    const bytes = Uint8Array.from(atob(found[2].replace(/\s/g, "")), (one) => one.charCodeAt(0));
    return await crypto.subtle.importKey("pkcs8", bytes, ALGORITHM, false, ["sign"]);
  } catch {
    throw new KeyProblem("The text cannot be read as an Ed25519 private key.");
  }
}

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The proof of a logon. kind: "login" or "principal"; challenge: hexadecimal digits. */
export async function prove(key, kind, name, keyId, challenge) {
  const head = new TextEncoder().encode(`${PURPOSE[kind]}\0${name}\0${keyId}\0`);
  const message = new Uint8Array([...head, ...challenge.match(/../g).map((two) => parseInt(two, 16))]);
  return hex(await crypto.subtle.sign(ALGORITHM, key, message));
}
