/**
 * Sets the theme before the first paint: a classic script that blocks, so no page flashes in the wrong one.
 * ui/theme.js changes the choice; both agree on the key and on `data-theme-choice`.
 */

(() => {
  const root = document.documentElement;
  let choice = "system";
  try {
    choice = localStorage.getItem("theme") ?? "system";
  } catch {
    // Storage is forbidden here: the system decides.
  }
  root.dataset.themeChoice = choice;
  if (choice === "light" || choice === "dark") {
    root.dataset.theme = choice;
  }
})();
