import tailwindcss from "@tailwindcss/vite";
import { defineConfig } from "vite";

import { iconSprite } from "./build/icon_sprite.js";

export default defineConfig({
  base: "/static/",
  plugins: [tailwindcss(), iconSprite()],
  build: {
    manifest: true,
    // The pages' policy allows fonts and images from our own address only, so nothing may become a data: address.
    assetsInlineLimit: 0,
    // light-dark(), :has() and <dialog> are taken as given.
    target: ["chrome123", "edge123", "firefox121", "safari17.5"],
    rolldownOptions: {
      // theme.js is its own file: it must run before the first paint, and main.js is deferred.
      input: ["src/main.js", "src/theme.js", "src/embed.css"],
      // htmx holds an eval that allowEval:false keeps it from calling, and that the pages' policy would refuse.
      checks: { eval: false },
    },
  },
});
