/** Sends a file to the agent, telling how far it is. */
import { ApiError, Unreachable, address, parseProblem, reportUnauthenticated } from "./client";
import type { SlicerFile } from "./slicer-types";
import type { ImageStored } from "./types";

export interface Upload<T> {
  finished: Promise<T>;
  cancel(): void;
}

export const uploadImage = (file: Blob, name: string, onProgress: (share: number) => void): Upload<ImageStored> =>
  upload("/images", file, name, onProgress, 120_000);

/** G-code or 3MF of any size: there is no limit on the time, since it can be cancelled. */
export const uploadSliced = (file: Blob, name: string, onProgress: (share: number) => void): Upload<SlicerFile> =>
  upload("/slicer/files", file, name, onProgress, 0);

/** The bytes themselves, of any size. */
export const uploadBytes = <T>(path: string, file: Blob, onProgress: (share: number) => void): Upload<T> =>
  send(path, file, onProgress, 0);

function upload<T>(path: string, file: Blob, name: string, onProgress: (share: number) => void, timeoutMs: number): Upload<T> {
  const form = new FormData();
  form.append("file", file, name);
  return send(path, form, onProgress, timeoutMs);
}

/** `onProgress` is told the share sent, 0 to 1. The promise raises ApiError or Unreachable. */
function send<T>(path: string, body: FormData | Blob, onProgress: (share: number) => void, timeoutMs: number): Upload<T> {
  // fetch cannot tell how much of a body has gone out.
  const request = new XMLHttpRequest();
  const finished = new Promise<T>((resolve, reject) => {
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onerror = request.onabort = request.ontimeout = () => reject(new Unreachable());
    request.onload = () => settle(request, resolve, reject);
  });
  request.open("POST", address(path));
  request.timeout = timeoutMs;
  request.send(body);
  return { finished, cancel: () => request.abort() };
}

function settle<T>(request: XMLHttpRequest, resolve: (stored: T) => void, reject: (error: Error) => void): void {
  if (request.status >= 200 && request.status < 300) {
    resolve(JSON.parse(request.responseText) as T);
    return;
  }
  if (request.status === 401) reportUnauthenticated();
  const problem = parseProblem(request.responseText, request.status);
  reject(new ApiError(problem, request.getResponseHeader("X-Request-ID")));
}
