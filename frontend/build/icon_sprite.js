/**
 * Builds assets/icons-<hash>.svg: one <symbol> per icon named in icons.json, drawn by lucide, plus our own from src/icons/.
 * Templates point at a symbol with `{% icon "name" %}`; the manifest knows the file as src/icons.svg, and src/favicon.svg
 * as itself: no script imports either.
 */

import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(import.meta.url);
const FRONTEND = path.resolve(import.meta.dirname, "..");
const OWN_ICONS = path.join(FRONTEND, "src/icons");
const LUCIDE_ICONS = path.join(path.dirname(require.resolve("lucide-static/package.json")), "icons");
const MANIFEST_NAME = "src/icons.svg";
const FAVICON = "src/favicon.svg";

/** Returns the markup between <svg …> and </svg>. */
function drawing(file) {
  const markup = readFileSync(file, "utf8").replace(/<!--[\s\S]*?-->/g, "");
  return markup.slice(markup.indexOf(">", markup.indexOf("<svg")) + 1, markup.lastIndexOf("</svg>")).replace(/\s+/g, " ").trim();
}

function symbol(name, file) {
  return `<symbol id="${name}" viewBox="0 0 24 24">${drawing(file)}</symbol>`;
}

export function sprite() {
  const names = JSON.parse(readFileSync(path.join(FRONTEND, "icons.json"), "utf8"));
  const own = readdirSync(OWN_ICONS).map((file) => symbol(path.basename(file, ".svg"), path.join(OWN_ICONS, file)));
  const borrowed = names.map((name) => symbol(name, path.join(LUCIDE_ICONS, `${name}.svg`)));
  return `<svg xmlns="http://www.w3.org/2000/svg"><!-- Icons: Lucide, ISC licence -->${[...own, ...borrowed].join("")}</svg>\n`;
}

export function iconSprite() {
  return {
    name: "icon-sprite",
    buildStart() {
      if (this.environment.mode === "build") {
        this.emitFile({ type: "asset", name: "icons.svg", originalFileName: MANIFEST_NAME, source: sprite() });
        const favicon = readFileSync(path.join(FRONTEND, FAVICON));
        this.emitFile({ type: "asset", name: "favicon.svg", originalFileName: FAVICON, source: favicon });
      }
    },
    configureServer(server) {
      server.middlewares.use(`${server.config.base}${MANIFEST_NAME}`, (_request, response) => {
        response.setHeader("Content-Type", "image/svg+xml");
        response.end(sprite());
      });
    },
  };
}
