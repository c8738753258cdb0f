import { mount } from "svelte";

import "../lib/styles/tokens.css";
import "../lib/styles/base.css";
import "../lib/styles/markdown.css";
import "./console.css";
import { sayInstead, start, t } from "../lib/i18n";
import App from "./App.svelte";

/** The words first: nothing is drawn that would be drawn anew. */
async function begin(target: HTMLElement): Promise<void> {
  await start("common", "hub");
  sayInstead({
    "errors.unreachable": t("hub:instead.unreachable"),
    "errors.answered": t("hub:instead.answered", { status: "{{status}}" }),
    "errors.load-again": t("hub:instead.load-again"),
    "request-in-log": t("hub:instead.request-in-log", { id: "{{id}}" }),
  });
  mount(App, { target });
}

const target = document.getElementById("console");
if (target) void begin(target);
