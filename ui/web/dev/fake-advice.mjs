/** Presets, advice, evidence, calibrations and questions of the fake agent. */
import { randomUUID } from "node:crypto";

const now = () => new Date().toISOString();
const list = (items, more = {}) => ({ items, next_cursor: null, ...more });
const listed = (name, is_system, inherits) => ({ type: "filament", name, scope: is_system ? "Acme" : "default", is_system, inherits, folder: "/home/me/.config/OrcaSlicer", problem: null });
const PRESETS = [listed("My PETG", false, "Acme PETG"), listed("Acme PETG", true, null)];
const DIFFERENCE = { key: "nozzle_temperature", label: "Nozzle temperature", unit: "°C", old: ["245"], new: ["240"] };
const PIECES = [["file", "The file bracket_PETG_1h26m.gcode", 120], ["findings", "What the checks found", 410], ["settings", "Settings of the file", 300]].map(([kind, title, tokens]) => ({ id: kind, kind, title, text: `${title}\n…`, ref: `file/1#${kind}`, tokens, cut: false }));
const LINES = [
  { number: 1, preset_type: "process", key: "inner_wall_speed", label: "Inner wall", unit: "mm/s", old: "220", new: "140", asked: "140", verdict: "accepted", why: "", reason: "Keeps the flow below the limit.", picked: true },
  { number: 2, preset_type: "filament", key: "nozzle_temperature", label: "Nozzle temperature", unit: "°C", old: ["255"], new: ["250"], asked: "400", verdict: "clamped", why: "400 °C is above the filament's range, so it is 250 °C.", reason: "Hotter melts more.", picked: true },
];
const FIELD = { kind: "number", default: null, minimum: 0, maximum: 400, step: null, choices: [], help: "", needed: true };
const TEST = { id: "temperature", title: "Temperature tower", order: 1, group: "Temperature tower", way: "", menu: "Calibration → Temperature", guide: "guide/calibrate-temperature", reads: "Find the block with clean overhangs.", formula: "T = start − 5 · floor(z / 10)", keys: ["nozzle_temperature"], where: "Filament → Nozzle", fields: [{ ...FIELD, name: "start", label: "Start", unit: "°C", default: "230" }, { ...FIELD, name: "z", label: "Height of the best place", unit: "mm" }] };
const QUESTION = { id: "start", text: "Where does it show?", hint: "", options: [{ id: "bed", label: "At the bed", picture: "/ui/icon.svg", next: null }] };
const DEFECT = { ref: "guide/stringing", title: "Stringing", likely: "probable", why: "plastic oozes while the nozzle travels.", first_steps: ["Dry the spool."], keys: ["retraction_length"] };

const advice = [];

function advise(body) {
  const presets = [{ type: "process", name: "Fine @agent", inherits: "0.20mm Standard", made_from: "0.20mm Standard", lines: 1, file: "Fine @agent.json" }];
  advice.unshift({ id: randomUUID(), created_at: now(), source: body.question ? "model" : "findings", file_id: body.file_id, message_id: null, question: body.question ?? "", answer: "", model: body.question ? "qwen3:4b" : null, lines: LINES.map((line) => ({ ...line })), presets, notes: [], steps: ["Download the file.", "In OrcaSlicer open File › Import › Import Configs…"], outcome: null });
  return advice[0];
}

export function adviceRoutes({ send, jsonBody }) {
  const one = (id) => advice.find((each) => each.id === id);
  return [
    [/^GET \/slicer\/folders/, ({ response }) => send(response, 200, list([{ path: "/home/me/.config/OrcaSlicer", system: 1, user: 1, scopes: ["default"], notes: [] }]))],
    [/^GET \/slicer\/presets\/compare/, ({ url, response }) => send(response, 200, { type: "filament", a: url.searchParams.get("a"), b: url.searchParams.get("b"), items: [DIFFERENCE] })],
    [/^GET \/slicer\/presets\/.+\/markdown/, ({ response }) => { response.setHeader("Content-Type", "text/markdown"); response.end("| setting | value |\n"); }],
    [/^GET \/slicer\/presets\/./, ({ path, response }) => send(response, 200, { ...(PRESETS.find((each) => path.endsWith(encodeURIComponent(each.name))) ?? PRESETS[0]), chain: ["Acme PETG"], version: "2.3.0.0", notes: [], settings: { nozzle_temperature: ["240"], filament_type: ["PETG"] }, own: [DIFFERENCE] })],
    [/^GET \/slicer\/presets/, ({ url, response }) => send(response, 200, list(PRESETS.filter((each) => url.searchParams.get("origin") !== "user" || !each.is_system)))],
    [/^GET \/slicer\/files\/:id\/presets/, ({ response }) => send(response, 200, list([{ type: "filament", name: "My PETG", index: 0, is_found: true, items: [DIFFERENCE] }]))],
    [/^GET \/slicer\/files\/:id\/prints/, ({ response }) => send(response, 200, list([]))],
    [/^GET \/slicer\/programs/, ({ response }) => send(response, 200, list([]))],
    [/^GET \/slicer\/evidence\/:id/, ({ id, response }) => send(response, 200, { message_id: id, items: PIECES, tools: [] })],
    [/^GET \/slicer\/evidence/, ({ response }) => send(response, 200, list(PIECES, { tokens: 830 }))],
    [/^GET \/slicer\/advice\/:id$/, ({ id, response }) => send(response, 200, one(id))],
    [/^GET \/slicer\/advice$/, ({ url, response }) => send(response, 200, list(advice.filter((each) => each.file_id === url.searchParams.get("file_id"))))],
    [/^POST \/slicer\/advice$/, async ({ request, response }) => send(response, 201, advise(await jsonBody(request)))],
    [/^PATCH \/slicer\/advice\/:id/, async ({ id, request, response }) => { const { picked } = await jsonBody(request); one(id).lines.forEach((line) => { line.picked = picked.includes(line.number); }); send(response, 200, one(id)); }],
    [/^POST \/slicer\/advice\/:id\/outcome/, async ({ id, request, response }) => send(response, 200, Object.assign(one(id), { outcome: { ...(await jsonBody(request)), file_id: null, at: now() } }))],
    [/^GET \/slicer\/advice\/:id\/(preset|bundle)/, ({ response }) => send(response, 200, { type: "process" })],
    [/^GET \/slicer\/calibrations/, ({ response }) => send(response, 200, list([TEST]))],
    [/^POST \/slicer\/calibrations/, async ({ request, response }) => { const { values } = await jsonBody(request); const value = values.start - 5 * Math.floor(values.z / 10); send(response, 200, { test: TEST.id, title: TEST.title, lines: [{ preset_type: "filament", key: "nozzle_temperature", label: "Nozzle temperature", unit: "°C", old: null, new: [String(value)] }], steps: [`floor(${values.z} / 10)`], explanation: "The block at that height.", warnings: [], commands: [], where: TEST.where, guide: TEST.guide, preset: null, next: null }); }],
    [/^POST \/slicer\/questionnaire/, async ({ request, response }) => { const { answers } = await jsonBody(request); const path = answers.map(() => ({ question: QUESTION.text, answer: "At the bed" })); send(response, 200, answers.length ? { question: null, defects: [DEFECT], path } : { question: QUESTION, defects: [], path }); }],
    [/^POST \/slicer\/diagnosis/, async ({ request, response }) => { await jsonBody(request); send(response, 200, { provider: "model", model: "qwen2.5vl:7b", defect: { ref: DEFECT.ref, title: DEFECT.title, text: "" }, confidence: 0.8, seen: "Thin threads between two pillars.", causes: [{ cause: "Wet filament", why: "bubbles in the threads" }], first_steps: DEFECT.first_steps, questionnaire: null, reason: "", sources: [] }); }],
  ];
}
