/** The theme switch: buttons `[data-theme-set="system|light|dark"]`. Dispatches "theme:change" on the document. */

import { on } from "./events.js";

const root = document.documentElement;
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

function showChoice() {
  for (const button of document.querySelectorAll("[data-theme-set]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeSet === root.dataset.themeChoice));
  }
}

function announce() {
  document.dispatchEvent(new CustomEvent("theme:change"));
}

function choose(choice) {
  root.dataset.themeChoice = choice;
  if (choice === "system") {
    delete root.dataset.theme;
  } else {
    root.dataset.theme = choice;
  }
  try {
    localStorage.setItem("theme", choice);
  } catch {
    // The choice then lasts for this page only.
  }
  showChoice();
  announce();
}

export function startTheme() {
  showChoice();
  on("click", "[data-theme-set]", (_event, button) => choose(button.dataset.themeSet));
  systemIsDark.addEventListener("change", announce);
}
