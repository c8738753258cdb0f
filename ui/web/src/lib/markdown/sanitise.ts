/** The second wall behind the Markdown renderer: only what answers need stays. */
import DOMPurify from "dompurify";

const ALLOWED = {
  ALLOWED_TAGS: [
    ..."p br hr h1 h2 h3 h4 h5 h6 strong em s code pre blockquote ul ol li".split(" "),
    ..."table thead tbody tr th td a div span button".split(" "),
  ],
  ALLOWED_ATTR: ["href", "target", "rel", "class", "type", "tabindex", "start", "role", "aria-label"],
  ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: true,
};

export function sanitise(html: string): string {
  return DOMPurify.sanitize(html, ALLOWED);
}
