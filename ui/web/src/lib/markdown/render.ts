/** Markdown to HTML text: no raw HTML, no images, only links that leave by the front door. */
import MarkdownIt from "markdown-it";
import type { Token } from "markdown-it";

const SAFE_LINK = /^(?:https?:\/\/|mailto:)/i;

const markdown = new MarkdownIt({ html: false, linkify: true, typographer: false });
// Without a scheme "printer.cfg" or "slice.py" would count as an address.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });
markdown.validateLink = (address) => SAFE_LINK.test(address.trim());

/** What the renderer itself says around the text. */
export interface RenderWords {
  copy: string;
  table: string;
}

/** HTML that is still to be sanitised by `sanitise`. */
export function toHtml(source: string, words: RenderWords): string {
  return markdown.render(source, words);
}

const escape = markdown.utils.escapeHtml;
const rules = markdown.renderer.rules;

rules.link_open = (tokens, index, options, _env, self) => {
  tokens[index]?.attrSet("target", "_blank");
  tokens[index]?.attrSet("rel", "noopener noreferrer");
  return self.renderToken(tokens, index, options);
};

// A picture fetched for a model's answer would tell its server that somebody reads it.
rules.image = (tokens, index) => {
  const token = tokens[index];
  const address = token?.attrGet("src") ?? "";
  const label = escape(token?.content || address || "image");
  if (!SAFE_LINK.test(address) || isInsideLink(tokens, index)) return label;
  return `<a href="${escape(address)}" target="_blank" rel="noopener noreferrer">${label}</a>`;
};

rules.fence = (tokens, index, _options, words: RenderWords) => {
  const language = tokens[index]?.info.trim().split(/\s+/)[0] ?? "";
  return codeBlock(tokens[index], language, words);
};
rules.code_block = (tokens, index, _options, words: RenderWords) => codeBlock(tokens[index], "", words);

rules.table_open = (_tokens, _index, _options, words: RenderWords) =>
  `<div class="table-box" role="group" aria-label="${escape(words.table)}" tabindex="0"><table>`;
rules.table_close = () => "</table></div>";
rules.th_open = (tokens, index) => cell("th", tokens[index]);
rules.td_open = (tokens, index) => cell("td", tokens[index]);

// An answer's headings stand below its author's; models skip levels as they like, so they differ by look only.
rules.heading_open = (tokens, index) => `<h3 class="${tokens[index]?.tag ?? "h1"}">`;
rules.heading_close = () => "</h3>";

function codeBlock(token: Token | undefined, language: string, words: RenderWords): string {
  return (
    `<div class="code-box"><div class="code-bar"><span>${escape(language || "text")}</span>` +
    `<button type="button" class="copy-code">${escape(words.copy)}</button></div>` +
    `<pre tabindex="0"><code>${escape(token?.content ?? "")}</code></pre></div>`
  );
}

/** The content policy allows no style attribute, so that the alignment becomes a class. */
function cell(tag: "th" | "td", token: Token | undefined): string {
  const side = /text-align:(left|right|center)/.exec(token?.attrGet("style") ?? "")?.[1];
  return side ? `<${tag} class="align-${side}">` : `<${tag}>`;
}

function isInsideLink(tokens: readonly Token[], index: number): boolean {
  const before = tokens.slice(0, index).map((token) => token.nesting * Number(/^link_/.test(token.type)));
  return before.reduce((depth, step) => depth + step, 0) > 0;
}
