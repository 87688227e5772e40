/** The page that checks a record: a file is chosen or dropped, and the browser says what holds. */

import { checkFile, RecordFault } from "../record_check.js";

const number = new Intl.NumberFormat("en-GB");

function factsOf(found, trusted) {
  return [
    ["Listing", found.title],
    ["Kind of money", found.money.toLowerCase()],
    ["Portfolio", found.portfolio],
    ["Fills", number.format(found.fills)],
    ["In signed roots", found.signed === found.fills ? "all" : `up to fill ${number.format(found.signed)}`],
    ["Roots", number.format(found.roots)],
    [trusted ? "Key that you gave" : "Key that the file names", found.keys.join(", ") || "none"],
  ];
}

function show(page, name, visible = true) {
  page.querySelector(`[data-verify-${name}]`).hidden = !visible;
}

function showFacts(page, facts) {
  const rows = facts.map(([term, value]) => {
    const row = document.createElement("div");
    const [dt, dd] = ["dt", "dd"].map((tag) => row.appendChild(document.createElement(tag)));
    dt.textContent = term;
    dd.textContent = value;
    dd.className = "break-all";
    return row;
  });
  page.querySelector("[data-verify-facts]").replaceChildren(...rows);
  show(page, "good");
}

function showFault(page, error) {
  // What is no fault of the record's shape is a form we do not know: a field is missing, or of the wrong kind.
  const message = error instanceof RecordFault ? error.message : "A part of the file is not in the form of a record.";
  page.querySelector("[data-verify-fault]").textContent = message;
  show(page, "bad");
}

async function check(page, file) {
  const trusted = page.querySelector("[data-verify-key]").value;
  const count = page.querySelector("[data-verify-count]");
  show(page, "good", false);
  show(page, "bad", false);
  show(page, "progress");
  try {
    const found = await checkFile(file, trusted, (fills) => {
      count.textContent = number.format(fills);
    });
    showFacts(page, factsOf(found, trusted.trim()));
  } catch (error) {
    showFault(page, error);
  }
  show(page, "progress", false);
}

export function startVerify() {
  const page = document.querySelector("[data-verify]");
  const input = page.querySelector("[data-verify-file]");
  const again = () => input.files.length && check(page, input.files[0]);
  input.addEventListener("change", again);
  page.querySelector("[data-verify-key]").addEventListener("change", again);
  page.addEventListener("dragover", (event) => event.preventDefault());
  page.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) {
      input.files = event.dataTransfer.files;
      again();
    }
  });
  // Who was quicker than this script, or came back to the page, has chosen already.
  again();
}
