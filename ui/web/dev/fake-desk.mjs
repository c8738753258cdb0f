/** Settings, storage, backups, log, updates and the plugin of the fake agent. */
const now = () => new Date().toISOString();
const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();

function setting(group, name, kind, value, description, fields = {}) {
  return { name, group, description, kind, unit: "", minimum: null, maximum: null, is_above_minimum: false, choices: [], may_be_unset: value === null, value, default: value, source: "default", source_name: null, is_fixed: false, is_pending: false, pending: null, ...fields };
}

const settings = [
  setting("models", "ollama_url", "text", "http://127.0.0.1:11434", "Address of Ollama. The plain names OLLAMA_URL and OLLAMA_HOST work too.", { source: "environment", source_name: "OLLAMA_URL", is_fixed: true, value: "http://10.60.4.77:11434" }),
  setting("models", "default_model", "text", null, "Model that answers where nobody names one. Unset: the best installed one."),
  setting("models", "manage_ollama", "choice", "auto", "auto starts Ollama where it is installed and nobody runs it; never does not.", { choices: ["auto", "never"] }),
  setting("models", "cloud", "flag", true, "Whether models outside of this network may answer.", { value: false, source: "managed", source_name: "/etc/orca-agents/managed.toml", is_fixed: true }),
  setting("models", "allowed_models", "text", "", "Patterns of the models that may be used, separated by commas. Empty: every one."),
  setting("answers", "text_capacity", "integer", 32, "Questions that wait at most.", { minimum: 1, maximum: 10_000 }),
  setting("answers", "first_token_seconds", "number", 300, "Patience with the first word of an answer.", { unit: "s", minimum: 0.1, maximum: 3600 }),
  setting("images", "image_cache_mb", "integer", 256, "Room for shrunken pictures.", { unit: "MB", minimum: 0, maximum: 100_000, value: 512, source: "file" }),
  setting("slicer", "slicer_data_dirs", "path", "", "Data folders of OrcaSlicer whose presets are read, separated as in PATH. Unset: those at the usual places."),
  setting("slicer", "slicing_seconds", "integer", 900, "Patience with the slicing of one variant, which is then stopped.", { unit: "s", minimum: 1, maximum: 86_400 }),
  setting("printing", "printer_retry_seconds", "number", 120, "How long a file waits for a printer that is away.", { unit: "s", minimum: 0, maximum: 86_400 }),
  setting("desktop", "notify_pulls", "flag", true, "Tell by a notification that a model has been pulled."),
  setting("desktop", "notify_held", "flag", true, "Tell by a notification that a print waits."),
  setting("desktop", "notify_updates", "flag", true, "Tell by a notification that the agent was updated."),
  setting("updates", "update_check", "flag", false, "Ask once a day whether there is a newer version. Nothing is ever installed."),
  setting("backup", "backup_every_days", "integer", 7, "Days between two automatic backups. 0 makes none.", { unit: "days", minimum: 0, maximum: 365 }),
  setting("backup", "backup_keep", "integer", 3, "Automatic backups that are kept.", { minimum: 1, maximum: 100 }),
  setting("log", "log_level", "choice", "info", "How much the log tells.", { choices: ["debug", "info", "warning", "error"] }),
  setting("log", "log_prompts", "flag", false, "Write what models are asked into the log. Else it never stands there."),
  setting("network", "port", "integer", 14434, "Port on 127.0.0.1. 0 takes any free one.", { minimum: 0, maximum: 65_535, source: "environment", source_name: "ORCA_AGENT_PORT", is_fixed: true }),
];

const desk = { autostart: false };
const items = [
  ["database", 48e6, 1_812, true], ["images", 912e6, 214, true], ["image_cache", 231e6, 640, true], ["answer_cache", 12e6, 96, true],
  ["slicer_files", 3.4e9, 57, true], ["logs", 18e6, 4, true], ["backups", 96e6, 3, false], ["migrations_backup", 44e6, 1, true], ["models", 17.9e9, 3, false], ["other", 42e3, 6, false],
].map(([name, size_bytes, count, can_clean]) => ({ name, size_bytes, count, can_clean }));
let backups = [
  { name: "orca-agents-20261120-070000.zip", size_bytes: 31e6, created_at: ago(1_900), version: "0.1.0", holds: ["database", "settings"], is_automatic: true, reason: "automatic", problem: null },
  { name: "orca-agents-20261113-070000.zip", size_bytes: 29e6, created_at: ago(12_000), version: "0.1.0", holds: ["database", "settings"], is_automatic: true, reason: "automatic", problem: null },
  { name: "orca-agents-20261101-181512.zip", size_bytes: 840e6, created_at: ago(29_000), version: "0.0.9", holds: ["database", "settings", "images"], is_automatic: false, reason: "asked", problem: null },
  { name: "orca-agents-20260901-101010.zip", size_bytes: 1e6, created_at: null, version: null, holds: [], is_automatic: false, reason: "asked", problem: "It is damaged, or was made by a newer version: it cannot be restored." },
];
const LINES = [
  ["info", "agent.server", "The agent listens at http://127.0.0.1:14434."], ["info", "agent.runtime.service", "ollama is up"],
  ["warning", "agent.inference.backends", "http://10.60.4.78:11434 did not answer within 5 s; it is asked again in 30 s."],
  ["error", "agent.slicer.forward", "The printer voron refused the file bracket_PETG_1h26m.gcode: 507, its storage is full. What it has there already is older than this file; delete some of it and send again."],
  ["debug", "agent.shared.web", "GET /api/v1/health/ready 200 in 1.2 ms"],
];
const log = Array.from({ length: 260 }, (_, at) => line(at)).reverse();
const listeners = new Set();
let latest = null;
let lastRestore = null;
let checkedAt = null;
let folders = [
  { path: "/home/ana/.config/OrcaSlicer/plugins", state: "older", version: "0.0.9" },
  { path: "/home/ana/.var/app/io.github.softfever.OrcaSlicer/config/OrcaSlicer/plugins", state: "absent", version: null },
];

function line(at, timestamp = ago(260 - at)) {
  const [level, logger, message] = LINES[at % LINES.length];
  return { timestamp, level, logger, message, details: logger === "agent.shared.web" ? { status: 200, ms: 1.2 } : {}, exception: null };
}

setInterval(() => {
  const fresh = line(log.length, now());
  log.unshift(fresh);
  for (const listener of listeners) listener(fresh);
}, 4_000).unref();

const REPORT = `# Orca Agents, report for support

- version 0.1.0, revision 0017, Linux x86_64, Python 3.11
- started ${ago(90)}

## Checks

| check | result |
|---|---|
| data folder | good |
| Ollama | 0.13.0 at http://127.0.0.1:11434 |

## Last warnings

agent.inference.backends: a backend did not answer within 5 s
`;

function answer() {
  return {
    items: settings,
    restart_needed: settings.some((one) => one.is_pending),
    problem: null,
    secrets_in: "keyring: SecretService",
    managed: { name: "/etc/orca-agents/managed.toml" },
  };
}

/** Routes in the way of the fake agent's own; `tools` are its ways to answer. */
export function deskRoutes({ send, problem, rawBody, jsonBody, startProgress, state }) {
  const invalid = (response, errors) => send(response, 422, { type: "urn:orca:problem:invalid-settings", title: "Unprocessable", status: 422, detail: "A setting was not taken.", errors });

  async function change({ request, response }) {
    const asked = await jsonBody(request);
    for (const [name, value] of Object.entries(asked)) {
      const one = settings.find((it) => it.name === name);
      if (one.is_fixed) return problem(response, 409, "setting-fixed", `${name} is fixed by ${one.source_name}`);
      if (name === "ollama_url" || value === "refuse") return invalid(response, [{ field: name, detail: "is no address" }]);
      if (one.minimum !== null && value !== null && value < one.minimum) return invalid(response, [{ field: name, detail: `must be at least ${one.minimum}` }]);
    }
    for (const [name, value] of Object.entries(asked)) {
      const one = settings.find((it) => it.name === name);
      const wanted = value ?? one.default;
      one.is_pending = wanted !== one.value;
      one.pending = one.is_pending ? wanted : null;
      one.source = value === null ? "default" : "file";
    }
    send(response, 200, answer());
  }

  async function begin({ request, response }) {
    const { when } = await jsonBody(request);
    send(response, 202, { when, waits_for: when === "idle" ? 1 : 0 });
    setTimeout(again, when === "idle" ? 4_000 : 200);
  }

  function again() {
    state.down = true;
    setTimeout(() => {
      for (const one of settings) if (one.is_pending) Object.assign(one, { value: one.pending, pending: null, is_pending: false });
      state.startedAt = now();
      state.down = false;
    }, 1_500);
  }

  async function clean({ request, response }) {
    const wanted = (await jsonBody(request)).items;
    const cleaned = items.filter((one) => wanted.includes(one.name)).map((one) => {
      const freed = Math.round(one.size_bytes * 0.7);
      one.size_bytes -= freed;
      return { name: one.name, freed_bytes: freed };
    });
    send(response, 200, { freed_bytes: cleaned.reduce((sum, one) => sum + one.freed_bytes, 0), items: cleaned });
  }

  async function backup({ request, response }) {
    const body = await jsonBody(request);
    const made = { name: `orca-agents-20261121-${String(Date.now()).slice(-6)}.zip`, size_bytes: 31e6, created_at: now(), version: "0.1.0", holds: ["database", "settings", ...(body.images ? ["images"] : []), ...(body.files ? ["files"] : [])], is_automatic: false, reason: "asked", problem: null };
    send(response, 202, startProgress({ kind: "backup", total: 60, then: () => { backups = [made, ...backups]; } }));
  }

  async function take({ request, response }) {
    const bytes = await rawBody(request);
    if (bytes.subarray(0, 2).toString() !== "PK") return problem(response, 422, "not-a-backup", "This file is no backup of Orca Agents");
    backups = [{ name: "orca-agents-20260601-120000.zip", size_bytes: bytes.length, created_at: ago(200_000), version: "0.0.8", holds: ["database"], is_automatic: false, reason: "asked", problem: null }, ...backups];
    send(response, 201, backups[0]);
  }

  function readLog({ url, response }) {
    const order = ["debug", "info", "warning", "error"];
    const least = order.indexOf(url.searchParams.get("level") ?? "debug");
    const q = (url.searchParams.get("q") ?? "").toLowerCase();
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const limit = Number(url.searchParams.get("limit") ?? 100);
    const found = log.filter((one) => order.indexOf(one.level) >= least && `${one.logger} ${one.message}`.toLowerCase().includes(q));
    send(response, 200, { items: found.slice(start, start + limit), next_cursor: start + limit < found.length ? String(start + limit) : null });
  }

  function tail({ response }) {
    response.setHeader("Content-Type", "text/event-stream");
    response.write("retry: 1000\n\n");
    let id = 0;
    const tell = (one) => response.write(`id: ${++id}\nevent: log\ndata: ${JSON.stringify(one)}\n\n`);
    listeners.add(tell);
    response.on("close", () => listeners.delete(tell));
  }

  function checkUpdates({ response }) {
    checkedAt = now();
    latest = { version: "0.2.0", notes: "## What is new\n\n- Tray icon and window\n- **Backups** that restore\n\n<script>alert(1)</script>", published: ago(3_000), url: "https://example.org/orca-agents/0.2.0" };
    readUpdates({ response });
  }

  const readUpdates = ({ response }) =>
    send(response, 200, { is_on: settings.find((one) => one.name === "update_check").value, has_source: true, current: "0.1.0", latest, checked_at: checkedAt, problem: null });
  const plugin = (response) => send(response, 200, { version: "0.1.0", folders });
  const put = (kind, version) => async ({ request, response }) => {
    const { path } = await jsonBody(request);
    folders = folders.map((one) => (!path || one.path === path ? { ...one, state: kind, version } : one));
    send(response, 200, { version: "0.1.0", folders, kept: [] });
  };

  const queue = (name) => ({ name, waiting: Math.round(2 + 2 * Math.sin(Date.now() / 4_000)), running: 1, limit: 1, capacity: 32, served: 214, waited_ms: { p50: 12, p95: 840, p99: 2_140 }, rejected: 1, timed_out: 0, abandoned: 2 });
  const running = () => [...state.runs.values()].map((run) => run.shape).filter((shape) => ["queued", "running"].includes(shape.state));

  return [
    [/^GET \/settings$/, ({ response }) => send(response, 200, answer())],
    [/^PATCH \/settings$/, change],
    [/^POST \/restart$/, begin],
    [/^GET \/desktop$/, ({ response }) => send(response, 200, { autostart: { is_on: desk.autostart, is_possible: true, how: "systemd", reason: null } })],
    [/^PATCH \/desktop$/, async ({ request, response }) => { desk.autostart = (await jsonBody(request)).autostart; send(response, 200, { autostart: { is_on: desk.autostart, is_possible: true, how: "systemd", reason: null } }); }],
    [/^GET \/storage$/, ({ response }) => send(response, 200, { data_dir: "/home/ana/.local/share/orca-agents", disk: { free_bytes: 61.2e9, total_bytes: 256e9 }, items })],
    [/^POST \/storage\/clean$/, clean],
    [/^POST \/backup$/, backup],
    [/^GET \/backups$/, ({ response }) => send(response, 200, { items: backups, next_cursor: null, last_restore: lastRestore })],
    [/^POST \/backups$/, take],
    [/^GET \/backups\/[^/]+$/, ({ response }) => { response.setHeader("Content-Type", "application/zip"); response.setHeader("Content-Disposition", "attachment"); response.end("PK"); }],
    [/^DELETE \/backups\/[^/]+$/, ({ path, response }) => { backups = backups.filter((one) => one.name !== decodeURIComponent(path.split("/")[2])); send(response, 204); }],
    [/^POST \/backups\/[^/]+\/restore$/, ({ path, response }) => { lastRestore = { name: decodeURIComponent(path.split("/")[2]), at: now(), kept_as: "orca-agents-20261121-120000.zip", problem: null, note: null }; send(response, 202, startProgress({ kind: "restore", total: 20, then: again })); }],
    [/^GET \/logs$/, readLog],
    [/^GET \/logs\/stream$/, tail],
    [/^GET \/support-report$/, ({ response }) => send(response, 200, { text: REPORT })],
    [/^GET \/updates$/, readUpdates],
    [/^POST \/updates\/check$/, checkUpdates],
    [/^GET \/plugin$/, ({ response }) => plugin(response)],
    [/^POST \/plugin\/install$/, put("current", "0.1.0")],
    [/^POST \/plugin\/remove$/, put("absent", null)],
    [/^GET \/queues$/, ({ response }) => send(response, 200, { items: [queue("text"), queue("vision")] })],
    [/^GET \/runs$/, ({ response }) => send(response, 200, { items: running(), next_cursor: null })],
  ];
}
