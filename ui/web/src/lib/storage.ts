/** What the page keeps in the browser. Storage may be full or forbidden; then nothing is kept. */

const PREFIX = "orca.";

export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // The page works without it.
  }
}

export function recall<T>(key: string, fallback: T): T {
  try {
    const text = localStorage.getItem(PREFIX + key);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

/** Whatever is kept under a name that is to go. */
export function forgetAll(isToGo: (key: string) => boolean): void {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX) && isToGo(key.slice(PREFIX.length)));
    keys.forEach((key) => localStorage.removeItem(key));
  } catch {
    // Nothing was kept then.
  }
}

export function forget(key: string): void {
  try {
    localStorage.removeItem(PREFIX + key);
  } catch {
    // Nothing was kept then.
  }
}
