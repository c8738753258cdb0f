/**
 * A stand-in for the agent, in memory, so that the panel can be worked on alone:
 * `npm run dev`, or `npm run fake` for the built page under the real content policy.
 * `POST /fake` changes its mood: {"signedIn","ollama","paceMs","seed","answer","down"}.
 */
import { createHash, randomUUID } from "node:crypto";

import { adviceRoutes } from "./fake-advice.mjs";
import { ANSWERS, POLICY } from "./fake-answers.mjs";
import { deskRoutes } from "./fake-desk.mjs";
import { follow, startProgress, startRun } from "./fake-runs.mjs";
import { slicerRoutes } from "./fake-slicer.mjs";

const state = {
  signedIn: true, ollama: "up", paceMs: 20, answer: null, down: false, startedAt: new Date().toISOString(),
  conversations: [], messages: new Map(), runs: new Map(), images: new Map(), pairings: [], keys: new Map(),
};
const MODELS = [
  model("qwen3:4b", 2.6e9, ["completion", "thinking", "tools"], "qwen3", true),
  model("qwen3:14b", 9.3e9, ["completion", "thinking", "tools"], "qwen3", false),
  model("qwen2.5vl:7b", 6e9, ["completion", "vision"], "qwen2.5vl", false),
];

export function fakeAgent() {
  const use = (server) => void server.middlewares.use(handle);
  return { name: "fake-agent", configureServer: use, configurePreviewServer: use };
}

async function handle(request, response, next) {
  const url = new URL(request.url, "http://fake");
  if (url.pathname === "/fake") return mood(await jsonBody(request), response);
  if (!url.pathname.startsWith("/api/v1/")) {
    response.setHeader("Content-Security-Policy", process.env.FAKE_POLICY === "off" ? "" : POLICY);
    if (url.pathname === "/ui") request.url = "/ui/";
    return next();
  }
  if (state.down) return request.destroy();
  const path = url.pathname.slice("/api/v1".length);
  const key = `${request.method} ${path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, ":id")}`;
  const route = routes.find(([pattern]) => pattern.test(key));
  if (!route) return problem(response, 404, "not-found", "Nothing here");
  const isPublic = /^(GET \/health|POST \/pairing$)/.test(key);
  if (!isPublic && !state.signedIn) return problem(response, 401, "unauthenticated", "Sign in first");
  const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(path)?.[0];
  return route[1]({ id, url, path, request, response });
}

const routes = [
  [/^GET \/health\/ready/, ({ response }) => send(response, 200, ready())],
  [/^GET \/session/, ({ response }) => send(response, 200, { kind: "session", name: "fake", scopes: ["admin"], expires_at: null })],
  [/^DELETE \/session/, ({ response }) => { state.signedIn = false; send(response, 204); }],
  [/^GET \/pairing/, ({ response }) => send(response, 200, { items: state.pairings.filter((p) => p.state === "waiting").map(({ id, name, created_at, expires_at }) => ({ id, name, created_at, expires_at })), next_cursor: null })],
  [/^POST \/pairing$/, startPairing],
  [/^POST \/pairing\/:id\/confirm/, confirmPairing],
  [/^POST \/pairing\/:id\/refuse/, ({ id, response }) => { pairing(id).state = "refused"; send(response, 204); }],
  [/^GET \/models/, ({ response }) => send(response, 200, { items: state.ollama === "up" ? MODELS : [], next_cursor: null, default_model: state.ollama === "up" ? "qwen3:4b" : null })],
  [/^POST \/conversations$/, async ({ request, response }) => send(response, 201, addConversation(await jsonBody(request)))],
  [/^GET \/conversations$/, listConversations],
  [/^POST \/conversations\/import/, async ({ request, response }) => { await jsonBody(request); send(response, 200, { created: 2, updated: 0, unchanged: 1, messages_added: 8 }); }],
  [/^GET \/conversations\/:id\/export/, ({ id, response }) => send(response, 200, { conversation: conversation(id), messages: state.messages.get(id) })],
  [/^GET \/conversations\/:id\/messages/, ({ id, response }) => conversation(id) ? send(response, 200, { items: state.messages.get(id), next_cursor: null }) : problem(response, 404, "not-found", "No such conversation")],
  [/^POST \/conversations\/:id\/messages/, post],
  [/^POST \/conversations\/:id\/restore/, ({ id, response }) => { conversation(id).deleted = false; send(response, 200, conversation(id)); }],
  [/^GET \/conversations\/:id$/, ({ id, response }) => conversation(id) ? send(response, 200, conversation(id)) : problem(response, 404, "not-found", "No such conversation")],
  [/^PATCH \/conversations\/:id$/, async ({ id, request, response }) => send(response, 200, Object.assign(conversation(id), await jsonBody(request), { updated_at: now() }))],
  [/^DELETE \/conversations\/:id$/, ({ id, response }) => { conversation(id).deleted = true; send(response, 204); }],
  [/^POST \/messages\/:id\/regenerate/, regenerate],
  [/^GET \/runs\/:id\/events/, ({ id, request, response }) => follow(state.runs.get(id), request, response)],
  [/^GET \/runs\/:id$/, ({ id, response }) => send(response, 200, state.runs.get(id).shape)],
  [/^POST \/runs\/:id\/cancel/, ({ id, response }) => { state.runs.get(id).cancel(); send(response, 200, state.runs.get(id).shape); }],
  [/^POST \/images/, storeImage],
  [/^GET \/images\//, ({ path, response }) => { response.setHeader("Content-Type", "image/png"); response.end(state.images.get(path.split("/")[2])); }],
  [/^GET \/guide\//, ({ response }) => send(response, 200, { title: "Stringing", ref: "guide/stringing", tags: ["petg", "retraction"], text: ANSWERS.passage })],
  ...adviceRoutes({ send, jsonBody }),
  ...deskRoutes({ send, problem, rawBody, jsonBody, startProgress: begin, state }),
  ...slicerRoutes({ send, problem, rawBody, jsonBody, startProgress: begin }),
];

function begin(plan) {
  const run = startProgress(plan);
  state.runs.set(run.shape.id, run);
  return run.shape;
}

async function mood(change, response) {
  if (change.reset) { state.conversations = []; state.messages.clear(); state.runs.clear(); state.pairings = []; }
  if (change.seed) for (let i = change.seed; i > 0; i--) addConversation({ title: `Conversation ${i}: first layer and PETG stringing` });
  if (change.pairing) state.pairings.push(newPairing(change.pairing));
  Object.assign(state, change);
  send(response, 200, { pairings: state.pairings });
}

function ready() {
  if (!state.signedIn) return { status: state.ollama === "up" ? "ready" : "degraded" };
  const up = state.ollama === "up";
  return { status: up ? "ready" : "degraded", version: "0.1.0", started_at: state.startedAt, default_model: up ? "qwen3:4b" : null, models_count: up ? MODELS.length : 0, guide_entries: 84, data_dir_warning: null,
    ollama: { url: "http://127.0.0.1:11434", state: state.ollama, version: up ? "0.13.0" : null, since: now(), detail: up ? null : "Connection refused" } };
}

function listConversations({ url, response }) {
  const query = url.searchParams.get("q")?.toLowerCase();
  const archived = url.searchParams.get("archived") === "true";
  const limit = Number(url.searchParams.get("limit") ?? 50);
  const start = Number(url.searchParams.get("cursor") ?? 0);
  let found = state.conversations.filter((c) => !c.deleted && c.archived === archived);
  if (query) found = found.map((c) => ({ ...c, snippets: snippets(c, query) })).filter((c) => c.snippets.length);
  found.sort((a, b) => Number(b.pinned) - Number(a.pinned) || (a.updated_at < b.updated_at ? 1 : -1));
  const more = start + limit < found.length ? String(start + limit) : null;
  send(response, 200, { items: found.slice(start, start + limit), next_cursor: more });
}

function snippets(found, query) {
  const mark = (text) => { const at = text.toLowerCase().indexOf(query); return text.slice(Math.max(0, at - 30), at) + "\ue000" + text.slice(at, at + query.length) + "\ue001" + text.slice(at + query.length, at + 80); };
  const texts = [{ message_id: null, text: found.title ?? "" }, ...state.messages.get(found.id).map((m) => ({ message_id: m.id, text: m.content }))];
  return texts.filter((t) => t.text.toLowerCase().includes(query)).map((t) => ({ message_id: t.message_id, text: mark(t.text) })).slice(0, 3);
}

async function post({ id, request, response }) {
  const body = await jsonBody(request);
  const key = request.headers["idempotency-key"];
  if (key && state.keys.has(key)) return begun(request, response, state.keys.get(key));
  const parent = "parent_id" in body ? body.parent_id : conversation(id).active_message_id;
  const question = addMessage(id, { role: "user", content: body.content, images: body.images ?? [], parent_id: parent });
  conversation(id).title ??= body.content.slice(0, 60);
  const posted = answer(id, question.id, body.model);
  state.keys.set(key, posted);
  begun(request, response, posted);
}

async function regenerate({ id, request, response }) {
  const body = await jsonBody(request);
  const old = [...state.messages.values()].flat().find((m) => m.id === id);
  begun(request, response, answer(old.conversation_id, old.role === "user" ? old.id : old.parent_id, body.model));
}

function begun(request, response, posted) {
  if (request.headers.accept !== "text/event-stream") return send(response, 202, posted);
  response.setHeader("Content-Type", "text/event-stream");
  response.write(`event: posted\ndata: ${JSON.stringify(posted)}\n\n`);
  follow(state.runs.get(posted.run.id), request, response);
}

function answer(conversationId, parentId, wanted) {
  const guide = state.ollama !== "up";
  const message = addMessage(conversationId, { role: "assistant", content: "", parent_id: parentId, status: "streaming", provider: guide ? "guide" : "ollama", model: guide ? null : (wanted ?? "qwen3:4b") });
  const run = startRun(message, { paceMs: state.paceMs, text: state.answer ?? (guide ? ANSWERS.guide : ANSWERS.model), guide });
  message.run_id = run.shape.id;
  state.runs.set(run.shape.id, run);
  const question = state.messages.get(conversationId).find((m) => m.id === parentId);
  return { message: question, run: run.shape };
}

function addConversation(body) {
  const created = { id: randomUUID(), title: body.title ?? null, model: body.model ?? null, system: null, created_at: now(), updated_at: now(), archived: false, pinned: false, active_message_id: null, message_count: 0 };
  state.conversations.push(created);
  state.messages.set(created.id, []);
  return created;
}

function addMessage(conversationId, fields) {
  const message = { id: randomUUID(), conversation_id: conversationId, thinking: "", images: [], model: null, provider: null, status: "complete", created_at: now(), run_id: null, usage: null, sources: [], trimmed: 0, problem: null, ...fields };
  state.messages.get(conversationId).push(message);
  const owner = conversation(conversationId);
  Object.assign(owner, { active_message_id: message.id, message_count: owner.message_count + 1, updated_at: now() });
  return message;
}

async function startPairing({ request, response }) {
  const body = await jsonBody(request);
  if (body.id) {
    const known = pairing(body.id);
    if (known.state === "confirmed") state.signedIn = true;
    return send(response, 200, { state: known.state });
  }
  const made = newPairing(body.name);
  state.pairings.push(made);
  send(response, 201, made);
}

async function confirmPairing({ id, request, response }) {
  const { code } = await jsonBody(request);
  if (code !== pairing(id).code) return problem(response, 403, "wrong-code", "That is not the code");
  pairing(id).state = "confirmed";
  send(response, 200, { state: "confirmed" });
}

async function storeImage({ request, response }) {
  const bytes = await rawBody(request);
  const start = bytes.indexOf("\r\n\r\n") + 4;
  const content = bytes.subarray(start, bytes.lastIndexOf("\r\n--"));
  const sha256 = createHash("sha256").update(content).digest("hex");
  state.images.set(sha256, content);
  send(response, 201, { sha256, mime: "image/png", width: 64, height: 64, size_bytes: content.length });
}

const now = () => new Date().toISOString();
const conversation = (id) => state.conversations.find((c) => c.id === id);
const pairing = (id) => state.pairings.find((p) => p.id === id);
const newPairing = (name) => ({ id: randomUUID(), name, code: "482913", secret: randomUUID(), created_at: now(), expires_at: new Date(Date.now() + 120_000).toISOString(), state: "waiting" });

function model(name, size_bytes, capabilities, family, loaded) {
  return { name, backend: "ollama", size_bytes, capabilities, context_length: 40960, loaded, expires_at: null, digest: name, family, parameter_size: name.split(":")[1].toUpperCase(), quantization: "Q4_K_M" };
}

async function rawBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function jsonBody(request) {
  const text = (await rawBody(request)).toString();
  return text ? JSON.parse(text) : {};
}

function send(response, status, body) {
  response.statusCode = status;
  response.setHeader("Content-Type", "application/json");
  response.end(body === undefined ? "" : JSON.stringify(body));
}

function problem(response, status, code, title) {
  response.setHeader("X-Request-ID", "req-fake");
  send(response, status, { type: `urn:orca:problem:${code}`, title, status, detail: `${title}.`, request_id: "req-fake" });
}
