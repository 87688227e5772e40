/** `[data-level="0.4"]` gets the custom property --level: how high a bar stands, how full a thing is. The policy allows no style attribute. */

export function startLevels() {
  for (const element of document.querySelectorAll("[data-level]")) {
    element.style.setProperty("--level", element.dataset.level);
  }
}
