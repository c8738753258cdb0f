/** Calls to the agent: JSON in and out, problem documents as errors, a limit on every wait. */
import { t } from "../i18n";
import type { Problem } from "./types";

/** The agent answered, and the answer is a problem document. */
export class ApiError extends Error {
  constructor(
    readonly problem: Problem,
    readonly requestId: string | null,
  ) {
    super(problem.detail || problem.title);
  }

  get status(): number {
    return this.problem.status;
  }

  /** The last part of the problem's type, such as `wrong-code`. */
  get code(): string {
    return this.problem.type.split(":").pop() ?? "";
  }
}

/** Nobody answered, or not in time; whether the call took effect is unknown. */
export class Unreachable extends Error {
  constructor() {
    super("The agent did not answer.");
  }
}

export interface CallOptions {
  query?: Record<string, string | number | boolean | null | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  timeoutMs?: number;
  /** A status beside 2xx whose body is an answer, not a problem. */
  alsoAccept?: number;
}

/** Something typed is wrong; whoever typed it is still signed in. */
const ONLY_WRONG = new Set(["wrong-login", "wrong-code", "code-wanted"]);

const listeners = new Set<() => void>();

/** Calls `listener` whenever an answer says that this page is not signed in. */
export function onUnauthenticated(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function reportUnauthenticated(): void {
  listeners.forEach((listener) => listener());
}

/** The agent's answer as JSON (`undefined` for an empty one). Raises ApiError or Unreachable. */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const response = await open(method, path, options);
  const text = await readText(response);
  return (text ? JSON.parse(text) : undefined) as T;
}

/** The agent's answer as a file. Raises ApiError or Unreachable. */
export async function download(path: string, query: CallOptions["query"] = {}): Promise<Blob> {
  const response = await open("GET", path, { query, timeoutMs: 60_000 });
  return response.blob();
}

/** The answer as soon as its status is there. Raises ApiError or Unreachable. */
export async function open(method: string, path: string, options: CallOptions): Promise<Response> {
  const response = await fetchWithLimit(method, path, options);
  if (response.ok || response.status === options.alsoAccept) return response;
  const error = await toApiError(response);
  if (error.status === 401 && !ONLY_WRONG.has(error.code)) reportUnauthenticated();
  throw error;
}

async function fetchWithLimit(method: string, path: string, options: CallOptions): Promise<Response> {
  const limit = new AbortController();
  const abort = () => limit.abort();
  const timer = setTimeout(abort, options.timeoutMs ?? 15_000);
  options.signal?.addEventListener("abort", abort);
  try {
    return await fetch(address(path, options.query), {
      method,
      headers: headersOf(options),
      body: options.body === undefined ? null : JSON.stringify(options.body),
      credentials: "same-origin",
      cache: "no-store",
      signal: limit.signal,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Unreachable();
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
  }
}

async function readText(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch {
    throw new Unreachable();
  }
}

function headersOf(options: CallOptions): Record<string, string> {
  const headers: Record<string, string> = { Accept: "application/json", ...options.headers };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  return headers;
}

export function address(path: string, query: CallOptions["query"] = {}): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") parameters.set(key, String(value));
  }
  const search = parameters.toString();
  return `/api/v1${path}${search ? `?${search}` : ""}`;
}

/** The problem document of a refused answer, or one made from its status. */
export async function toApiError(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => "");
  const requestId = response.headers.get("X-Request-ID");
  return new ApiError(parseProblem(text, response.status), requestId);
}

export function parseProblem(text: string, status: number): Problem {
  const fallback: Problem = { type: "about:blank", title: t("errors.answered", { status }), status, detail: "" };
  try {
    const parsed: unknown = JSON.parse(text);
    return isProblem(parsed) ? { ...fallback, ...parsed, status } : fallback;
  } catch {
    return fallback;
  }
}

function isProblem(value: unknown): value is Problem {
  return typeof value === "object" && value !== null && "title" in value && "type" in value;
}
