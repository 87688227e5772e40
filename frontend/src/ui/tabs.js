/** A row of tabs that is wider than the screen starts where its current tab can be seen. */

export function startTabs() {
  for (const tab of document.querySelectorAll(".tab[aria-current]")) {
    const row = tab.parentElement;
    row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }
}
