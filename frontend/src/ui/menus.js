/** Menus are `<details class="menu">`: closed by Escape, by a click elsewhere and by choosing something in them. */

function close(menu) {
  menu.open = false;
}

export function startMenus() {
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      const chose = event.target.closest?.(".menu-item");
      if (!menu.contains(event.target) || (chose && menu.contains(chose))) {
        close(menu);
      }
    }
  });
  document.addEventListener("keydown", (event) => {
    const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (menu) {
      close(menu);
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("focusin", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) {
        close(menu);
      }
    }
  });
}
