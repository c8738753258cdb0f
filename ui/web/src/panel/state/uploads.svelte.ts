/** Sliced files on their way to the agent, from wherever they were dropped. */
import { uploadSliced, type Upload } from "../../lib/api/upload";
import type { SlicerFile } from "../../lib/api/slicer-types";
import { inOneLine } from "../../lib/errors";
import { newKey } from "../../lib/identifiers";

/** What the agent can read; `.gcode.3mf` ends with one of them. */
export const SLICED = [".gcode", ".gco", ".g", ".3mf"] as const;

export const isSliced = (file: File): boolean => SLICED.some((ending) => file.name.toLowerCase().endsWith(ending));

export class SlicedUpload {
  readonly id = newKey();
  /** 0 to 1; at 1 all is sent, and the agent reads it. */
  share = $state.raw(0);
  state = $state.raw<"sending" | "done" | "failed" | "cancelled">("sending");
  stored = $state.raw<SlicerFile | null>(null);
  failure = $state.raw<string | null>(null);
  #upload: Upload<SlicerFile> | null = null;

  constructor(readonly file: File) {}

  get name(): string {
    return this.file.name;
  }

  async send(): Promise<void> {
    this.state = "sending";
    this.share = 0;
    this.failure = null;
    this.#upload = uploadSliced(this.file, this.file.name, (share) => (this.share = share));
    try {
      this.stored = await this.#upload.finished;
      this.state = "done";
    } catch (error) {
      if (this.#isCancelled()) return;
      this.state = "failed";
      this.failure = inOneLine(error);
    }
  }

  cancel(): void {
    this.state = "cancelled";
    this.#upload?.cancel();
  }

  #isCancelled(): boolean {
    return this.state === "cancelled";
  }
}

export class Uploads {
  items = $state.raw<SlicedUpload[]>([]);
  /** Told of each file that has come. */
  onDone: (upload: SlicedUpload) => void = () => {};

  start(files: Iterable<File>): void {
    const fresh = Array.from(files, (file) => new SlicedUpload(file));
    this.items = [...fresh, ...this.items];
    void this.#sendAll(fresh);
  }

  retry(upload: SlicedUpload): void {
    void this.#sendAll([upload]);
  }

  cancel(upload: SlicedUpload): void {
    upload.cancel();
    this.dismiss(upload);
  }

  dismiss(upload: SlicedUpload): void {
    this.items = this.items.filter((other) => other !== upload);
  }

  /** Its report has been opened: nothing more is to be said about how it came. */
  seen(fileId: string): void {
    this.items = this.items.filter((one) => one.stored?.id !== fileId);
  }

  clear(): void {
    this.items.forEach((one) => one.state === "sending" && one.cancel());
    this.items = [];
  }

  /** One after the other: together they would not come sooner, only each of them later. */
  async #sendAll(uploads: SlicedUpload[]): Promise<void> {
    for (const upload of uploads) {
      if (!this.items.includes(upload)) continue;
      await upload.send();
      if (upload.state === "done") this.onDone(upload);
    }
  }
}
