import { defineConfig } from "vitest/config";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import tailwindcss from "@tailwindcss/vite";

const hive = process.env.SKEP_HIVE ?? "http://127.0.0.1:7537";

// The package calls its key table's calls pure, although all its keys come from them.
const keysOfEmacs = {
  name: "keys-of-emacs",
  transform: (code: string, id: string) =>
    id.includes("@replit/codemirror-emacs") ? code.replaceAll("/*@__PURE__*/", "") : undefined,
};

// Of each font of KaTeX, browsers take the first form alone.
const oneFont = {
  name: "one-font",
  enforce: "pre" as const,
  transform: (code: string, id: string) =>
    /katex.*\.css/.test(id)
      ? code.replace(/,url\([^)]*\.(woff|ttf)\) format\("[a-z]+"\)/g, "")
      : undefined,
};

export default defineConfig({
  plugins: [tailwindcss(), svelte(), keysOfEmacs, oneFont],
  // Vitest would otherwise pick the server build of Svelte.
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["app.html", "guest.html"] },
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/yjs", "/l", "/healthz"].map((path) => [path, { target: hive, ws: true }]),
    ),
  },
  test: { environment: "happy-dom", include: ["src/**/*.test.ts"] },
});
