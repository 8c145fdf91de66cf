import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";

const doors = [
  { name: "fetch", message: "Only api.ts talks HTTP." },
  { name: "EventSource", message: "Only live.ts follows the event stream." },
  { name: "WebSocket", message: "Only editor/socket.ts opens the document socket." },
];

export default ts.config(
  { ignores: ["dist", "node_modules"] },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  {
    languageOptions: { globals: { ...globals.browser, ...globals.node } },
    rules: {
      "no-restricted-globals": ["error", ...doors],
      "no-undef": "off",
      "svelte/no-navigation-without-resolve": "off",
      // Maps here are caches behind a counter, or made and used in one breath.
      "svelte/prefer-svelte-reactivity": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
    },
  },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser } },
  },
  {
    files: ["src/api.ts", "src/live.ts", "src/editor/socket.ts", "size.mjs", "e2e/**"],
    rules: { "no-restricted-globals": "off" },
  },
);
