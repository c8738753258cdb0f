import { mount } from "svelte";

import "../lib/styles/tokens.css";
import "../lib/styles/base.css";
import "../lib/styles/markdown.css";
import { start } from "../lib/i18n";
import App from "./App.svelte";

/** The words first: nothing is drawn that would be drawn anew. */
async function begin(target: HTMLElement): Promise<void> {
  await start("common", "chat");
  mount(App, { target });
}

const target = document.getElementById("panel");
if (target) void begin(target);
