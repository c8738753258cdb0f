import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

import { fakeAgent } from "./dev/fake-agent.mjs";

// OrcaSlicer shows the page in WebView2, WKWebView (macOS 11.3 and newer) and WebKitGTK.
const oldestEngines = ["safari14.1", "chrome90", "firefox90"];

export default defineConfig(({ mode }) => ({
  base: "/ui/",
  plugins: [svelte(), ...(mode === "fake" ? [fakeAgent()] : [])],
  build: {
    outDir: "../../agent/ui",
    emptyOutDir: true,
    target: oldestEngines,
    cssTarget: oldestEngines,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    license: { fileName: "licences.json" }, // packages show whose work is inside
    rolldownOptions: { input: { panel: "index.html" } },
  },
}));
