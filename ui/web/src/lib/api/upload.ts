/** Sends an image to the agent, telling how far it is. */
import { ApiError, Unreachable, address, parseProblem, reportUnauthenticated } from "./client";
import type { ImageStored } from "./types";

export interface Upload {
  finished: Promise<ImageStored>;
  cancel(): void;
}

/** `onProgress` is told the share sent, 0 to 1. The promise raises ApiError or Unreachable. */
export function uploadImage(file: Blob, name: string, onProgress: (share: number) => void): Upload {
  // fetch cannot tell how much of a body has gone out.
  const request = new XMLHttpRequest();
  const finished = new Promise<ImageStored>((resolve, reject) => {
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onerror = request.onabort = request.ontimeout = () => reject(new Unreachable());
    request.onload = () => settle(request, resolve, reject);
  });
  const form = new FormData();
  form.append("file", file, name);
  request.open("POST", address("/images"));
  request.timeout = 120_000;
  request.send(form);
  return { finished, cancel: () => request.abort() };
}

function settle(
  request: XMLHttpRequest,
  resolve: (stored: ImageStored) => void,
  reject: (error: Error) => void,
): void {
  if (request.status >= 200 && request.status < 300) {
    resolve(JSON.parse(request.responseText) as ImageStored);
    return;
  }
  if (request.status === 401) reportUnauthenticated();
  const problem = parseProblem(request.responseText, request.status);
  reject(new ApiError(problem, request.getResponseHeader("X-Request-ID")));
}
