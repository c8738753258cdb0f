/** Light or dark: the user's choice, else the slicer's, else the system's. */
import { hostOf } from "./host";
import { recall, remember } from "./storage";

export type ThemeChoice = "system" | "light" | "dark";

export class Theme {
  choice = $state<ThemeChoice>(recall<ThemeChoice>("theme", "system"));
  #system = matchMedia("(prefers-color-scheme: dark)");

  start(): () => void {
    const apply = () => this.#apply();
    this.#system.addEventListener("change", apply);
    this.#apply();
    return () => this.#system.removeEventListener("change", apply);
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    remember("theme", choice);
    this.#apply();
  }

  #apply(): void {
    const host = hostOf(navigator.userAgent).theme;
    const system = this.#system.matches ? "dark" : "light";
    document.documentElement.dataset.theme = this.choice === "system" ? (host ?? system) : this.choice;
  }
}
