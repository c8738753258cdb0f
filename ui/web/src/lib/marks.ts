/** Search hits come wrapped in two private-use characters; here they become parts to render. */

const START = "\ue000";
const END = "\ue001";

export interface MarkedPart {
  text: string;
  marked: boolean;
}

export function markedParts(text: string): MarkedPart[] {
  const parts: MarkedPart[] = [];
  let marked = false;
  for (const piece of text.split(/([\ue000\ue001])/)) {
    if (piece === START) marked = true;
    else if (piece === END) marked = false;
    else if (piece) parts.push({ text: piece, marked });
  }
  return parts;
}

const BETWEEN = /(?:\|\s*:?-{2,}:?\s*)+\|?|(?<=^|\s)\|(?=\s|$)|(?<=^|\n)\s*#{1,6}(?=\s)/g;
const AROUND = /\*{2,3}|`+/g;

/** A piece of a text in Markdown without its signs: it is read as it is shown. */
export function withoutFormat(text: string): string {
  return text.replace(BETWEEN, " ").replace(AROUND, "");
}
