/** The slicer's routes of the fake agent: two files, one of them held, and what can be done with them. */
import { randomUUID } from "node:crypto";

const now = () => new Date().toISOString();
const evidence = (key, value, limit = null, where = null) => ({ key, value, limit, where });
const change = (preset_type, key, old, fresh, reason) => ({ preset_type, key, old, new: fresh, reason });

const FINDINGS = [
  { id: "flow-above-limit", severity: "blocking", title: "The flow is above what the filament can take",
    evidence: [evidence("filament_max_volumetric_speed", "18.4 mm³/s", "12 mm³/s", "Inner wall, layer 14"), evidence("inner_wall_speed", "220 mm/s")],
    explanation: "More plastic is asked for than the hotend melts: lines come out thin, and layers do not hold.",
    fix: "Lower the speed of the inner walls to 140 mm/s, or raise the limit after a flow test.",
    changes: [change("process", "inner_wall_speed", "220", "140", "Keeps the flow at 11.8 mm³/s.")] },
  { id: "nozzle-outside-range", severity: "warning", title: "The nozzle is hotter than the filament allows",
    evidence: [evidence("nozzle_temperature", "255 °C", "220–250 °C")],
    explanation: "The filament's own range ends below this temperature.", fix: "Print at 240 °C.",
    changes: [change("filament", "nozzle_temperature", ["255"], ["240"], "In the middle of the range.")] },
  { id: "no-pressure-advance", severity: "info", title: "Pressure advance is off",
    evidence: [evidence("enable_pressure_advance", "0")], explanation: "Corners bulge a little without it.", fix: "Run the calibration once for this filament.", changes: [] },
];

const SETTINGS = {
  layer_height: "0.2", inner_wall_speed: "220", outer_wall_speed: "120", nozzle_temperature: "255", filament_max_volumetric_speed: "12",
  nozzle_temperature_range_low: "220", nozzle_temperature_range_high: "250", filament_type: "PETG", sparse_infill_density: "15%", sparse_infill_pattern: "gyroid",
  machine_start_gcode: "G28 ; home\nG29 ; mesh\nM104 S[nozzle_temperature_initial_layer]", enable_pressure_advance: "0", enable_support: "0",
};

const KEYS = [["layer_height", "Layer height", "mm"], ["inner_wall_speed", "Inner wall", "mm/s"], ["outer_wall_speed", "Outer wall", "mm/s"], ["nozzle_temperature", "Nozzle temperature", "°C"], ["filament_max_volumetric_speed", "Max volumetric speed", "mm³/s"], ["enable_pressure_advance", "Enable pressure advance", ""]];

const files = [
  file("bracket_PETG_1h26m.gcode", { findings: FINDINGS }),
  file("calibration cube with a name that is far too long for any narrow dock.gcode", { findings: [], has_analysis: true, source: "upload" }),
  file("lamp.3mf", { kind: "3mf", findings: FINDINGS.slice(2), layers: null, estimated_seconds: null, filaments: [], filament_grams: [],
    plates: [plate(1, "Shade", true), plate(2, "Foot", false)], source: "upload" }),
];
const held = [job(files[0], { state: "held", reason: "blocking" })];

const printers = [printer({ name: "voron", kind: "moonraker", url: "http://192.168.1.41:7125" })];
const tokens = [];

function printing() {
  return { printer: "voron", state: "printing", detail: "", file: "bracket_PETG_1h26m.gcode", progress: 0.42, elapsed_seconds: 2200, remaining_seconds: 3012, asked_at: now(), problem: null,
    temperatures: [{ name: "nozzle", actual: 239.6, target: 240 }, { name: "bed", actual: 80, target: 80 }] };
}

function printer(fields) {
  return { id: randomUUID(), hold: "blocking", storage: "", user: "", camera_url: "", has_key: false, key_place: null, warning: null, print_host: "/printhost/voron", created_at: now(), ...fields };
}

function file(name, fields) {
  return {
    id: randomUUID(), name, kind: "gcode", size_bytes: 18_412_331, sha256: null, created_at: now(), source: "octoprint", is_whole: true,
    generator: "OrcaSlicer 2.4.2", printer: "Voron 2.4 350", sliced_at: now(), estimated_seconds: 5188, first_layer_seconds: 212, filament_grams: [41.37],
    filament_changes: null, layers: 240, max_z_mm: 48, settings: SETTINGS, changed: { process: ["inner_wall_speed"], filament: ["nozzle_temperature"] },
    filaments: [{ index: 0, name: "Generic PETG", type: "PETG", colour: "#3A86C8", used_mm: 13890, used_cm3: 33.4, used_g: 41.37, cost: 0.91 }],
    thumbnails: [{ width: 300, height: 300, mime: "image/png", plate: null }], plates: [], notes: [], has_analysis: false, analysis_run_id: null, job: null, outcome: null, ...fields,
  };
}

function plate(index, name, is_sliced) {
  return { index, name, estimated_seconds: is_sliced ? 4210 : null, grams: is_sliced ? 22.4 : null, objects: ["shade", "ring"], warnings: is_sliced ? ["Part of the object hangs in the air."] : [], is_sliced };
}

function job(of, fields) {
  return { id: randomUUID(), file_id: of.id, printer: "voron", printer_name: "Voron", wants_print: true, source: "octoprint", created_at: now(), changed_at: now(), plate: null, run_id: null, problem: null, reason: null, ...fields, file: of };
}

function analysis() {
  const n = 240;
  const each = (make) => Array.from({ length: n }, (_, at) => Math.round(make(at) * 100) / 100);
  const layers = {
    z_mm: each((at) => 0.2 * (at + 1)), height_mm: each(() => 0.2), seconds: each((at) => 16 + 9 * Math.sin(at / 17) - (at > 200 ? (at - 200) / 4 : 0)),
    max_flow_mm3_s: each((at) => 8 + 4 * Math.sin(at / 23) + (at % 37 === 14 ? 6 : 0)), mean_flow_mm3_s: each((at) => 5 + 2 * Math.sin(at / 23)),
    max_speed_mm_s: each((at) => (at ? 220 : 50)), mean_speed_mm_s: each((at) => (at ? 120 + 30 * Math.sin(at / 9) : 35)),
    nozzle_c: each((at) => (at ? 255 : 260)), bed_c: each(() => 80), fan_percent: each((at) => Math.min(60, at * 20)),
    filament_mm: each(() => 57), travel_mm: each(() => 900), retractions: each((at) => at % 7),
  };
  const feature = (name, seconds, max) => ({ name, seconds, length_mm: seconds * 80, filament_mm: max ? seconds * 3 : 0, max_speed_mm_s: 220, mean_speed_mm_s: 112, max_flow_mm3_s: max, mean_flow_mm3_s: max * 0.7 });
  return { seconds: 5312, layers, features: [feature("Outer wall", 1210, 8.1), feature("Inner wall", 1490, 18.4), feature("Sparse infill", 1632, 12.2), feature("Bridge", 44, 4.1), feature("Travel", 540, 0)],
    bounding_box: [120, 118, 0, 231.4, 172.6, 48], travel_mm: 216_000, travel_seconds: 540, retractions: 1821, retracted_mm: 1456, filament_mm: [13_890], tool_changes: 0, first_layer_seconds: 212, lines: 412_338, notes: [] };
}

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100"><path d="M20 70 50 85 80 70V35L50 20 20 35Z" fill="#4fbcae" stroke="#04211d"/></svg>`;
const list = (items) => ({ items, next_cursor: null });
const find = (id) => files.find((one) => one.id === id);

/** Routes in the way of the fake agent's own; `tools` are its ways to answer. */
export function slicerRoutes({ send, problem, rawBody, jsonBody, startProgress }) {
  const missing = (response) => problem(response, 404, "no-such-file", "The agent has no such file");
  const decide = (state) => ({ id, response }) => { const one = held.find((j) => j.id === id); one.state = state; held.splice(held.indexOf(one), 1); send(response, 200, one); };
  return [
    [/^GET \/slicer\/files$/, ({ response }) => send(response, 200, list(files))],
    [/^POST \/slicer\/files$/, async ({ request, response }) => { const bytes = await rawBody(request); const name = /filename="([^"]+)"/.exec(bytes.subarray(0, 2000).toString())?.[1] ?? "file.gcode"; files.unshift(file(name, { findings: FINDINGS.slice(1), source: "upload", size_bytes: bytes.length })); send(response, 201, files[0]); }],
    [/^GET \/slicer\/files\/:id\/thumbnail/, ({ response }) => { response.setHeader("Content-Type", "image/svg+xml"); response.end(PICTURE); }],
    [/^POST \/slicer\/files\/:id\/analysis/, ({ id, response }) => send(response, 202, startProgress({ kind: "analysis", total: 100, then: () => { find(id).has_analysis = true; } }))],
    [/^GET \/slicer\/files\/:id\/analysis/, ({ response }) => send(response, 200, analysis())],
    [/^GET \/slicer\/files\/:id$/, ({ id, response }) => (find(id) ? send(response, 200, find(id)) : missing(response))],
    [/^DELETE \/slicer\/files\/:id$/, ({ id, response }) => { files.splice(files.indexOf(find(id)), 1); send(response, 204); }],
    [/^GET \/slicer\/held$/, ({ response }) => send(response, 200, list(held))],
    [/^POST \/slicer\/held\/:id\/release/, async ({ request, ...rest }) => { await jsonBody(request); decide("forwarded")(rest); }],
    [/^POST \/slicer\/held\/:id\/reject/, decide("rejected")],
    [/^GET \/printers$/, ({ response }) => send(response, 200, list(printers))],
    [/^POST \/printers$/, async ({ request, response }) => { const { key, force, ...body } = await jsonBody(request); if (!force && /nobody/.test(body.url)) return problem(response, 503, "printer-silent", "The printer does not answer"); printers.push(printer({ ...body, has_key: !!key, key_place: key ? "keyring" : null })); send(response, 201, printers[printers.length - 1]); }],
    [/^PATCH \/printers\/:id$/, async ({ id, request, response }) => send(response, 200, Object.assign(printers.find((p) => p.id === id), await jsonBody(request)))],
    [/^DELETE \/printers\/:id$/, ({ id, response }) => { printers.splice(printers.findIndex((p) => p.id === id), 1); send(response, 204); }],
    [/^POST \/printers\/:id\/test/, ({ response }) => send(response, 200, { ...printing(), program: "OctoPrint 1.11.0" })],
    [/^GET \/printers\/:id\/state/, ({ response }) => send(response, 200, printing())],
    [/^GET \/printers\/:id\/camera/, ({ response }) => { response.setHeader("Content-Type", "image/svg+xml"); response.end(PICTURE); }],
    [/^GET \/tokens/, ({ response }) => send(response, 200, list(tokens))],
    [/^POST \/tokens/, async ({ request, response }) => { const body = await jsonBody(request); tokens.push({ id: randomUUID(), kind: "token", ...body, created_at: now(), last_used_at: null, expires_at: null }); send(response, 201, { ...tokens[tokens.length - 1], token: "orca_fake_0123456789abcdef0123456789abcdef" }); }],
    [/^DELETE \/tokens\/:id/, ({ id, response }) => { tokens.splice(tokens.findIndex((t) => t.id === id), 1); send(response, 204); }],
    [/^GET \/slicer\/keys/, ({ response }) => send(response, 200, list(KEYS.map(([key, label, unit]) => ({ key, label, unit, types: ["process"] }))))],
  ];
}
