/** The one entry of every page: styles, htmx, Alpine, and the parts of our own. Charts load only where a page has one. */

import "./styles.css";

import Alpine from "@alpinejs/csp";
import "htmx.org";

import { startBooks } from "./books.js";
import { startLive } from "./live.js";
import { startCopy } from "./ui/copy.js";
import { startDialogs } from "./ui/dialogs.js";
import { startForms } from "./ui/forms.js";
import { startFormula } from "./ui/formula.js";
import { startLevels } from "./ui/levels.js";
import { startMenus } from "./ui/menus.js";
import { startNews } from "./ui/news.js";
import { startPush } from "./ui/push.js";
import { startPasskeys } from "./ui/passkeys.js";
import { startRequests } from "./ui/requests.js";
import { startRows } from "./ui/rows.js";
import { startShown } from "./ui/shown.js";
import { startTabs } from "./ui/tabs.js";
import { startTheme } from "./ui/theme.js";
import { startToasts } from "./ui/toasts.js";
import { startWallets } from "./ui/wallets.js";

async function drawCharts() {
  if (document.querySelector("[data-chart]")) {
    const { startCharts } = await import("./charts.js");
    startCharts();
  }
  // A page that waits for a result loads what will draw it meanwhile.
  if (document.querySelector("[data-curves], [data-result-soon]")) {
    const { startCurves } = await import("./curves.js");
    startCurves();
  }
  if (document.querySelector("[data-trades-chart], [data-result-soon]")) {
    const { startTradesCharts } = await import("./trades_chart.js");
    startTradesCharts();
  }
}

async function checkRecords() {
  if (document.querySelector("[data-verify]")) {
    const { startVerify } = await import("./ui/verify.js");
    startVerify();
  }
}

startTheme();
startMenus();
startDialogs();
startToasts();
startNews();
startForms();
startFormula();
startLevels();
startRows();
startShown();
startTabs();
startCopy();
startPush();
startPasskeys();
startWallets();
startRequests();
startBooks();
startLive();
drawCharts();
checkRecords();
document.addEventListener("htmx:afterSettle", drawCharts);
document.addEventListener("htmx:afterSettle", startLevels);
Alpine.start();
