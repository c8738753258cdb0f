/** Hands a file to the user through the browser's own download. */
export function saveFile(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A title as a file name that every system accepts. */
export function fileNameOf(title: string, extension: string): string {
  const safe = title.replace(/[^\p{L}\p{N} ._-]+/gu, " ").replace(/\s+/g, " ").trim();
  return `${safe.slice(0, 60) || "conversation"}.${extension}`;
}
