/** The pages on which people work with the team's models. */
import { page, type Listed } from "../page-about";

export const WORK: readonly Listed[] = [
  { id: "chat", icon: "message-square", group: "work", load: page(() => import("./chat/ChatPage.svelte"), "chat", "hub-work") },
  { id: "generate", icon: "file-code", group: "work", load: page(() => import("./generate/GeneratePage.svelte"), "chat", "hub-work") },
  { id: "artefacts", icon: "files", group: "work", load: page(() => import("./artefacts/ArtefactsPage.svelte"), "hub-work") },
];
