import { mount } from "svelte";

import "../lib/styles/tokens.css";
import "../lib/styles/base.css";
import "../lib/styles/markdown.css";
import App from "./App.svelte";

const target = document.getElementById("panel");
if (target) mount(App, { target });
