/** Runs of the fake agent: a numbered event log that any number of readers follow. */
import { randomUUID } from "node:crypto";

export function startRun(message, { paceMs, text, guide }) {
  const shape = { id: randomUUID(), kind: "chat", state: "running", conversation_id: message.conversation_id, message_id: message.id, created_at: message.created_at, started_at: message.created_at, ended_at: null, last_seq: 0, problem: null };
  const run = { shape, events: [], readers: new Set(), timer: null };
  const tell = (name, data) => {
    const event = `id: ${++shape.last_seq}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
    run.events.push(event);
    for (const reader of run.readers) reader.write(event);
  };
  const end = (name, state, status, data) => {
    clearInterval(run.timer);
    if (shape.state !== "running") return;
    shape.state = state;
    message.status = status;
    tell(name, data ?? { message: { ...message }, usage: message.usage });
    for (const reader of run.readers) reader.end();
  };
  run.cancel = () => end("cancelled", "cancelled", "stopped");

  const steps = script(message, text, guide, tell, end);
  run.timer = setInterval(() => steps.next().done && clearInterval(run.timer), paceMs);
  return run;
}

/** A run that only counts: an analysis, a forward. */
export function startProgress({ kind, total, paceMs = 60, then = () => {} }) {
  const shape = { id: randomUUID(), kind, state: "running", conversation_id: null, message_id: null, created_at: new Date().toISOString(), started_at: null, ended_at: null, last_seq: 0, problem: null };
  const run = { shape, events: [], readers: new Set(), timer: null };
  const tell = (name, data) => {
    const event = `id: ${++shape.last_seq}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
    run.events.push(event);
    for (const reader of run.readers) reader.write(event);
  };
  const end = (name, state, data) => {
    clearInterval(run.timer);
    if (shape.state !== "running") return;
    shape.state = state;
    tell(name, data);
    for (const reader of run.readers) reader.end();
  };
  run.cancel = () => end("cancelled", "cancelled", { message: null });
  let completed = 0;
  run.timer = setInterval(() => {
    completed += 1;
    tell("progress", { status: kind, completed, total });
    if (completed < total) return;
    then();
    end("done", "done", { result: null });
  }, paceMs);
  return run;
}

function* script(message, text, guide, tell, end) {
  tell("queued", { position: 0 });
  yield;
  if (!guide) {
    if (/wait/.test(text)) for (let i = 3; i > 0; i--) { tell("queued", { position: i }); for (let t = 0; t < 50; t++) yield; }
    if (/load/.test(text)) { tell("loading", { model: message.model }); for (let t = 0; t < 300; t++) yield; }
  }
  tell("started", { model: message.model, backend: guide ? "guide" : "ollama", provider: message.provider });
  message.sources = [{ title: "Stringing", ref: "guide/stringing" }, { title: "Retraction", ref: "guide/retraction" }];
  tell("sources", { items: message.sources });
  if (!guide) {
    for (const word of "The user asks about stringing. Temperature and retraction matter most here. ".split(/(?<= )/)) {
      message.thinking = (message.thinking ?? "") + word;
      tell("thinking", { text: word });
      yield;
    }
  }
  if (/fail/.test(text)) {
    message.problem = { type: "urn:orca:problem:model-crashed", title: "The model stopped", status: 503, detail: "Ollama closed the connection in the middle of the answer." };
    return end("error", "failed", "failed", { problem: message.problem });
  }
  for (const word of text.split(/(?<=\s)/)) {
    message.content += word;
    tell("token", { text: word });
    yield;
  }
  message.usage = { prompt_tokens: 412, completion_tokens: text.split(/\s/).length, load_ms: 12, first_token_ms: 180, tokens_per_second: 47.3 };
  end("done", "done", "complete");
}

export function follow(run, request, response) {
  const after = Number(request.headers["last-event-id"] ?? 0);
  if (!response.headersSent) response.setHeader("Content-Type", "text/event-stream");
  response.write("retry: 1000\n\n");
  for (const event of run.events.slice(after)) response.write(event);
  if (run.shape.state !== "running") return response.end();
  run.readers.add(response);
  response.on("close", () => run.readers.delete(response));
}
