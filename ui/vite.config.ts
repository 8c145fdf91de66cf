import { defineConfig } from "vitest/config";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import tailwindcss from "@tailwindcss/vite";

const hive = process.env.SKEP_HIVE ?? "http://127.0.0.1:7537";

export default defineConfig({
  plugins: [tailwindcss(), svelte()],
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
