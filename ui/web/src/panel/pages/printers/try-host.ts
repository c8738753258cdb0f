/** Asks the agent what OrcaSlicer's own Test asks a print host. */

export interface Tried {
  ok: boolean;
  words: string;
}

/** With the key alone: this page's session must not open what the key does not. */
export async function tryHost(path: string, key: string): Promise<Tried> {
  const response = await fetch(`${path}/api/version`, {
    headers: { "X-Api-Key": key },
    credentials: "omit",
    cache: "no-store",
  });
  const text = (await response.text()).trim();
  if (!response.ok) return { ok: false, words: `The agent refused it: ${text.slice(0, 300) || `HTTP ${response.status}`}` };
  const about: unknown = JSON.parse(text);
  const isHost = typeof about === "object" && about !== null && "api" in about;
  return isHost
    ? { ok: true, words: "It works: the key opens this print host. OrcaSlicer’s own test will say the same." }
    : { ok: false, words: "Something answered that is no print host." };
}
