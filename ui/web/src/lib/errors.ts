/** Errors in words for the person in front of the page. */
import { ApiError, Unreachable } from "./api/client";
import type { Problem } from "./api/types";
import { t } from "./i18n";

/** In the place of a field, where several do not go together. */
const WHOLE = "(body)";

export interface ErrorWords {
  title: string;
  detail: string | null;
  requestId: string | null;
}

export function inWords(error: unknown): ErrorWords {
  if (error instanceof ApiError) return problemInWords(error.problem, error.requestId);
  if (error instanceof Unreachable) {
    return { title: t("errors.unreachable"), detail: t("errors.maybe-starting"), requestId: null };
  }
  return { title: t("errors.page"), detail: String(error), requestId: null };
}

/** Title and detail as one text. */
export function inOneLine(error: unknown): string {
  const { title, detail } = inWords(error);
  const first = /[.!?]$/.test(title) ? title : `${title}.`;
  return detail ? `${first} ${detail}` : first;
}

export function problemInWords(problem: Problem, requestId: string | null = null): ErrorWords {
  const said = problem.detail?.toLowerCase() ?? "";
  const saysMore = (detail: string) => !said.includes(detail.replace(/\.$/, "").toLowerCase());
  const named = (field: string) => (field === WHOLE ? "" : `${field}: `);
  const fields = (problem.errors ?? []).filter((error) => saysMore(error.detail)).map((error) => `${named(error.field)}${error.detail}`);
  return {
    // The detail is the sentence for people; the title often only names the status.
    title: problem.detail || problem.title,
    detail: fields.length ? fields.join(" ") : null,
    requestId: problem.request_id ?? requestId,
  };
}
