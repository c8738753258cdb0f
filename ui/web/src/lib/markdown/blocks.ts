/**
 * Cuts growing Markdown into blocks that no later text can change.
 *
 * Only the last block is rendered again while an answer streams, so the cost of an answer
 * grows with its length and not with its square. Link definitions do not reach over blocks.
 */

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
/** What may still become a list item when more of the line comes. */
const MAYBE_LIST_ITEM = /^ {0,3}(?:[-+*]?|\d{1,9}[.)]?)$/;
const LIST_ITEM = /^ {0,3}(?:[-+*]|\d{1,9}[.)])(?:\s|$)/;

export class BlockSplitter {
  #blocks: string[] = [];
  #open = "";
  /** Where in the open block the next unread line begins. */
  #read = 0;
  #fence: string | null = null;
  #isList = false;
  #blankBefore = false;

  /** Takes more text; only whole lines decide where a block ends. */
  append(text: string): void {
    this.#open += text;
    let end = this.#open.indexOf("\n", this.#read);
    while (end >= 0) {
      this.#line(this.#open.slice(this.#read, end), end + 1);
      end = this.#open.indexOf("\n", this.#read);
    }
  }

  /** The finished blocks and, last, the one that still grows. */
  blocks(): string[] {
    const started = this.#open.slice(this.#read);
    if (this.#blankBefore && !MAYBE_LIST_ITEM.test(started) && this.#startsBlock(started)) {
      return [...this.#blocks, this.#open.slice(0, this.#read), started];
    }
    return this.#open.trim() ? [...this.#blocks, this.#open] : [...this.#blocks];
  }

  #line(line: string, next: number): void {
    const isBlank = line.trim() === "";
    if (this.#fence) {
      if (closes(line, this.#fence)) this.#fence = null;
    } else if (!isBlank) {
      if (this.#blankBefore && this.#startsBlock(line)) next = this.#cut(next);
      if (!this.#open.slice(0, this.#read).trim()) this.#isList = LIST_ITEM.test(line);
      this.#fence = opensFence(line);
    }
    this.#blankBefore = isBlank && this.#fence === null;
    this.#read = next;
  }

  #startsBlock(line: string): boolean {
    if (!line || /^(?: {2,}|\t)/.test(line)) return false;
    return !(this.#isList && LIST_ITEM.test(line));
  }

  /** Ends the open block before the line being read; answers where the next line then begins. */
  #cut(next: number): number {
    this.#blocks.push(this.#open.slice(0, this.#read));
    this.#open = this.#open.slice(this.#read);
    const rest = next - this.#read;
    this.#read = 0;
    return rest;
  }
}

export function splitBlocks(text: string): string[] {
  const splitter = new BlockSplitter();
  splitter.append(text);
  return splitter.blocks();
}

function opensFence(line: string): string | null {
  const match = FENCE.exec(line);
  const mark = match?.[1];
  if (!mark || (mark.startsWith("`") && match[2]?.includes("`"))) return null;
  return mark;
}

function closes(line: string, fence: string): boolean {
  const mark = /^ {0,3}(`{3,}|~{3,})\s*$/.exec(line)?.[1];
  return mark !== undefined && mark[0] === fence[0] && mark.length >= fence.length;
}
