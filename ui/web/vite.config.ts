import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

import { fakeAgent } from "./dev/fake-agent.mjs";

// OrcaSlicer shows the page in WebView2, WKWebView (macOS 11.3 and newer) and WebKitGTK.
const oldestEngines = ["safari14.1", "chrome90", "firefox90"];
const panel = { input: { panel: "index.html" }, outDir: "../../agent/ui", base: "/ui/" };
const console = { input: { console: "console.html" }, outDir: "../../hub/pages", base: "/" };

/** The panel by default; the hub's console in the mode of that name. `npm run dev:console` asks the
 * hub that runs here by its usual port, or at ORCA_HUB. */
export default defineConfig(({ mode }) => {
  const { input, outDir, base } = mode === "console" ? console : panel;
  const hub = process.env.ORCA_HUB ?? "http://127.0.0.1:14480";
  return {
    base,
    plugins: [svelte(), ...(mode === "fake" ? [fakeAgent()] : [])],
    ...(mode === "console" ? { server: { proxy: { "/api": { target: hub, changeOrigin: true } } } } : {}),
    build: {
      outDir,
      emptyOutDir: true,
      target: oldestEngines,
      cssTarget: oldestEngines,
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
      license: { fileName: "licences.json" }, // packages show whose work is inside
      rolldownOptions: { input: { ...input } },
    },
  };
});
