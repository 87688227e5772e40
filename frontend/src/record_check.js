/** Checks a downloaded record line by line, trusting nobody but a public key. The byte forms stand in docs/records.md. */

import { hashes as edHashes, verify as verifySignature } from "@noble/ed25519";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";

edHashes.sha512 = sha512;

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const LINK = Uint8Array.of(2);
const START = utf8ToBytes("\u0003slipstream record 1:");
const HASH_BYTES = 32;
const text = new TextDecoder("utf-8", { fatal: true });

/** What is wrong with a record, in words for whoever checks it. */
export class RecordFault extends Error {}

function demand(holds, message) {
  if (!holds) {
    throw new RecordFault(message);
  }
}

const hashOf = (...parts) => sha256(concatBytes(...parts));
const linkAfter = (previous, leaf) => hashOf(LINK, previous, leaf);

function sameBytes(left, right) {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}

/** The canonical JSON of a statement: keys sorted, no spaces. */
function canonical(kind, facts, names) {
  const told = { ...Object.fromEntries(names.map((name) => [name, facts[name]])), kind, v: 1 };
  return utf8ToBytes(JSON.stringify(Object.fromEntries(Object.entries(told).sort(([a], [b]) => (a < b ? -1 : 1)))));
}

const sealBytes = (seal) => canonical("seal", seal, ["portfolio", "first", "last", "previous", "link", "at"]);
const rootBytes = (root) => canonical("root", root, ["number", "previous", "size", "root", "at", "key"]);

const keyId = (key) => bytesToHex(sha256(key)).slice(0, 16);

function headOfPath(leaf, place, size, path) {
  const left = [...path];
  let [found, at, last] = [leaf, place, size - 1];
  while (last > 0) {
    if (at % 2 || at < last) {
      demand(left.length, "is too short");
      const neighbour = hexToBytes(left.shift());
      found = at % 2 ? hashOf(NODE, neighbour, found) : hashOf(NODE, found, neighbour);
    }
    at >>= 1;
    last >>= 1;
  }
  demand(!left.length, "is too long");
  return bytesToHex(found);
}

/** Takes the lines of a record in their order; throws a RecordFault at the first that does not hold. */
export class RecordCheck {
  /** `trusted`: the hex of the one public key to believe; without it, those that the file names. */
  constructor(trusted = "") {
    this.trusted = trusted.trim().toLowerCase();
    demand(!this.trusted || /^[0-9a-f]{64}$/.test(this.trusted), "A public key has 64 hex digits.");
    this.header = null;
    this.count = 0;
    this.signed = 0;
    this.seal = null;
  }

  line(bytes) {
    let facts;
    try {
      facts = JSON.parse(text.decode(bytes));
    } catch {
      throw new RecordFault(this.header ? `Fill ${this.count + 1} is not readable.` : "This is no record: choose a file that was downloaded here.");
    }
    if (!this.header) {
      this.begin(facts);
    } else if (facts.seal) {
      this.beginSeal(facts);
    } else {
      this.fill(bytes, facts);
    }
  }

  begin(header) {
    demand(header?.kind === "record" && header.v === 1, "This is no record: choose a file that was downloaded here.");
    this.header = header;
    this.link = hashOf(START, utf8ToBytes(header.portfolio));
    this.keys = new Map((this.trusted ? [this.trusted] : Object.values(header.keys)).map((key) => [keyId(hexToBytes(key)), key]));
    this.roots = new Map(header.roots.map((root) => [root.number, root]));
    for (const root of header.roots) {
      this.checkRoot(root);
    }
  }

  checkRoot(root) {
    const key = this.keys.get(root.key);
    demand(key, `Root ${root.number} is signed by another key than the one you trust: ${root.key}.`);
    const data = rootBytes(root);
    demand(verifySignature(hexToBytes(root.signature), data, hexToBytes(key)), `The signature of root ${root.number} is not valid.`);
    const next = this.roots.get(root.number + 1);
    demand(!next || next.previous === bytesToHex(sha256(data)), `Root ${root.number + 1} does not follow root ${root.number}.`);
  }

  beginSeal(facts) {
    this.endSeal();
    const { seal } = facts;
    const what = `The seal of fill ${this.count + 1} and later`;
    demand(seal.portfolio === this.header.portfolio, `${what} is another portfolio's.`);
    demand(seal.first === this.count + 1 && seal.last >= seal.first, `No seal begins at fill ${this.count + 1}.`);
    demand(seal.previous === bytesToHex(this.link), `${what} does not follow the one before.`);
    this.leaves = hexToBytes(facts.leaves);
    demand(this.leaves.length === (seal.last - seal.first + 1) * HASH_BYTES, `${what} is not what its fills lead to.`);
    let link = this.link;
    for (let at = 0; at < this.leaves.length; at += HASH_BYTES) {
      link = linkAfter(link, this.leaves.subarray(at, at + HASH_BYTES));
    }
    demand(seal.link === bytesToHex(link), `${what} is not what its fills lead to.`);
    this.seal = seal;
    this.link = link;
    if (facts.root) {
      this.checkPath(facts, what);
      this.signed = seal.last;
    }
  }

  checkPath({ seal, root: number, place, path }, what) {
    const root = this.roots.get(number);
    let head = "";
    try {
      head = headOfPath(hashOf(LEAF, sealBytes(seal)), place, root?.size ?? 0, path);
    } catch {
      // Said below.
    }
    demand(root && place < root.size && head === root.root, `${what} is not in root ${number}.`);
  }

  fill(bytes, facts) {
    const number = this.count + 1;
    demand(this.seal && number <= this.seal.last, `Fill ${number} has no seal.`);
    const at = (number - this.seal.first) * HASH_BYTES;
    const sealed = this.leaves.subarray(at, at + HASH_BYTES);
    if (!sameBytes(hashOf(LEAF, bytes), sealed)) {
      const other = facts.number === number ? "" : ` Fill ${facts.number} stands in its place.`;
      throw new RecordFault(`Fill ${number} is not what was sealed.${other}`);
    }
    demand(facts.number === number && facts.portfolio === this.header.portfolio, `Fill ${number} was sealed under a wrong number.`);
    this.count = number;
  }

  endSeal() {
    demand(!this.seal || this.count === this.seal.last, `The seal of fill ${this.seal?.first} and later ends early: fill ${this.count + 1} is missing.`);
  }

  /** Say what was found; all lines have come. */
  end() {
    demand(this.header, "The file is empty.");
    this.endSeal();
    demand(this.count === this.header.fills, `The file ends after fill ${this.count} of ${this.header.fills}.`);
    const { title, portfolio, money } = this.header;
    return { title, portfolio, money, fills: this.count, signed: this.signed, roots: this.roots.size, keys: [...this.keys.values()] };
  }
}

/** Check a file, piece by piece; `onProgress(fills)` is called now and then. Returns what RecordCheck.end does. */
export async function checkFile(file, trusted, onProgress) {
  const check = new RecordCheck(trusted);
  const reader = file.stream().getReader();
  let rest = new Uint8Array();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    const bytes = rest.length ? concatBytes(rest, piece.value) : piece.value;
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      check.line(bytes.subarray(start, end));
      start = end + 1;
    }
    rest = bytes.slice(start);
    onProgress(check.count);
    // Let the page show how far it is.
    await new Promise((resume) => setTimeout(resume));
  }
  if (rest.length) {
    check.line(rest);
  }
  return check.end();
}
