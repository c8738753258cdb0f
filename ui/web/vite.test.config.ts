import { readdirSync } from "node:fs";
import { defineConfig } from "vite";

// The unit tests run under Node's own runner; Vite only strips the types.
const tests = readdirSync("tests").filter((name) => name.endsWith(".test.ts"));

export default defineConfig({
  publicDir: false,
  build: {
    ssr: true,
    outDir: "node_modules/.cache/orca-tests",
    emptyOutDir: true,
    target: "node20",
    rolldownOptions: {
      input: Object.fromEntries(tests.map((name) => [name.slice(0, -3), `tests/${name}`])),
      output: { entryFileNames: "[name].js" },
    },
  },
});
