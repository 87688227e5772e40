import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["dist/"] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    rules: {
      curly: "error",
      eqeqeq: "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", 70],
    },
  },
  { files: ["src/service_worker.js"], languageOptions: { globals: globals.serviceworker } },
  { files: ["*.config.js", "build/**"], languageOptions: { globals: globals.node } },
];
