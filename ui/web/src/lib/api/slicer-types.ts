/** The shapes of the slicer's routes that the pages use. */
import type { Problem } from "./types";

export type Severity = "info" | "warning" | "blocking";
export type PresetType = "machine" | "process" | "filament";
export type SettingValue = string | string[];

export interface Evidence {
  key: string;
  value: string;
  limit: string | null;
  where: string | null;
}

export interface Change {
  preset_type: PresetType;
  key: string;
  old: SettingValue | null;
  new: SettingValue;
  reason: string;
}

export interface Finding {
  id: string;
  severity: Severity;
  title: string;
  evidence: Evidence[];
  explanation: string;
  fix: string;
  changes: Change[];
}

export interface Filament {
  index: number;
  name: string | null;
  type: string | null;
  colour: string | null;
  used_mm: number | null;
  used_cm3: number | null;
  used_g: number | null;
  cost: number | null;
}

export interface Thumbnail {
  width: number;
  height: number;
  mime: string;
  plate: number | null;
}

export interface Plate {
  index: number;
  name: string | null;
  estimated_seconds: number | null;
  grams: number | null;
  objects: string[];
  warnings: string[];
  is_sliced: boolean;
}

export interface Outcome {
  result: "finished" | "failed" | "cancelled" | "unknown";
  note: string | null;
  at: string | null;
}

export type JobState =
  | "received"
  | "held"
  | "waiting"
  | "forwarding"
  | "forwarded"
  | "failed"
  | "rejected"
  | "interrupted";

/** What became of a file that was sent to a printer. */
export interface Job {
  id: string;
  file_id: string;
  printer: string;
  wants_print: boolean;
  source: string;
  state: JobState;
  created_at: string;
  changed_at: string;
  plate: number | null;
  reason: "blocking" | "setting" | null;
  run_id: string | null;
  problem: Problem | null;
}

/** A file in a list: all but its settings. */
export interface SlicerFileShort {
  id: string;
  name: string;
  kind: "gcode" | "3mf";
  size_bytes: number;
  sha256: string | null;
  created_at: string;
  source: string;
  /** Only its two ends were kept: every move cannot be read any more. */
  is_whole: boolean;
  generator: string | null;
  printer: string | null;
  sliced_at: string | null;
  estimated_seconds: number | null;
  first_layer_seconds: number | null;
  filament_grams: (number | null)[];
  filament_changes: number | null;
  layers: number | null;
  max_z_mm: number | null;
  filaments: Filament[];
  thumbnails: Thumbnail[];
  plates: Plate[];
  changed: Record<string, string[]>;
  notes: string[];
  findings: Finding[];
  has_analysis: boolean;
  job: Job | null;
  outcome: Outcome | null;
}

export interface SlicerFile extends SlicerFileShort {
  settings: Record<string, string>;
}

/** A file that waits for a click. */
export interface Held extends Job {
  printer_name: string;
  file: SlicerFileShort;
}

export interface Layers {
  z_mm: number[];
  height_mm: number[];
  seconds: number[];
  max_flow_mm3_s: number[];
  mean_flow_mm3_s: number[];
  max_speed_mm_s: number[];
  mean_speed_mm_s: number[];
  nozzle_c: number[];
  bed_c: number[];
  fan_percent: number[];
  filament_mm: number[];
  travel_mm: number[];
  retractions: number[];
}

export interface Feature {
  name: string;
  seconds: number;
  length_mm: number;
  filament_mm: number;
  max_speed_mm_s: number;
  mean_speed_mm_s: number;
  max_flow_mm3_s: number;
  mean_flow_mm3_s: number;
}

export interface Analysis {
  seconds: number;
  layers: Layers;
  features: Feature[];
  bounding_box: number[] | null;
  travel_mm: number;
  travel_seconds: number;
  retractions: number;
  retracted_mm: number;
  filament_mm: number[];
  tool_changes: number;
  first_layer_seconds: number;
  lines: number;
  notes: string[];
}

/** A print of a file; without a result while it goes on. */
export interface Print {
  id: string;
  file_id: string;
  printer: string;
  started_at: string | null;
  ended_at: string | null;
  result: "finished" | "failed" | "cancelled" | "unknown" | null;
  source: "printer" | "user" | null;
  note: string;
}

/** What is known of a setting's key: how the slicer's window names it, and its unit. */
export interface SettingKey {
  key: string;
  types: PresetType[];
  label: string;
  unit: string;
}

export type PrinterKind = "octoprint" | "moonraker" | "prusalink";
/** Which of its prints wait for a click. */
export type Hold = "always" | "blocking" | "never";

export interface Printer {
  id: string;
  name: string;
  kind: PrinterKind;
  url: string;
  hold: Hold;
  storage: string;
  user: string;
  camera_url: string;
  has_key: boolean;
  key_place: string | null;
  warning: string | null;
  /** What the slicer's host ends with. */
  print_host: string;
  created_at: string;
}

export interface NewPrinter {
  name: string;
  kind: PrinterKind;
  url: string;
  key?: string;
  hold?: Hold;
  storage?: string;
  user?: string;
  camera_url?: string;
  force?: boolean;
}

export interface Temperature {
  name: string;
  actual: number | null;
  target: number | null;
}

/** What a printer says of itself now; `problem` says why it could not be asked. */
export interface PrinterState {
  state: "idle" | "printing" | "paused" | "busy" | "error" | "offline" | "unknown";
  detail: string;
  file: string | null;
  /** 0 to 1. */
  progress: number | null;
  elapsed_seconds: number | null;
  remaining_seconds: number | null;
  temperatures: Temperature[];
  problem: Problem | null;
}

export interface PrinterTested extends PrinterState {
  program: string;
}

export interface ListedPreset {
  type: PresetType;
  name: string;
  scope: string;
  is_system: boolean;
  inherits: string | null;
  folder: string;
  /** Why OrcaSlicer would not load it. */
  problem: string | null;
}

export interface Difference {
  key: string;
  label: string;
  unit: string;
  old: SettingValue | null;
  new: SettingValue | null;
}

export interface Preset extends ListedPreset {
  chain: string[];
  version: string | null;
  notes: string[];
  settings: Record<string, SettingValue>;
  own: Difference[];
}

export interface Comparison {
  type: PresetType;
  a: string;
  b: string;
  items: Difference[];
}

export interface DataFolder {
  path: string;
  system: number;
  user: number;
  scopes: string[];
  notes: string[];
}

export interface AdviceLine {
  number: number;
  preset_type: PresetType | null;
  key: string;
  label: string;
  unit: string;
  old: SettingValue | null;
  new: SettingValue | null;
  asked: string;
  verdict: "accepted" | "clamped" | "refused";
  why: string;
  reason: string;
  picked: boolean;
}

/** A preset that the picked lines make. */
export interface AdvicePreset {
  type: PresetType;
  name: string;
  inherits: string;
  made_from: string;
  lines: number;
  file: string;
}

export type Helped = "better" | "same" | "worse" | "failed";

export interface AdvisedPrint {
  file_id: string;
  name: string;
  created_at: string;
  estimated_seconds: number | null;
  filament_grams: number[];
  findings: string[];
}

export interface Advice {
  id: string;
  created_at: string;
  source: "findings" | "model" | "given" | "chat";
  file_id: string | null;
  message_id: string | null;
  question: string;
  answer: string;
  model: string | null;
  lines: AdviceLine[];
  presets: AdvicePreset[];
  notes: string[];
  steps: string[];
  outcome: { result: Helped; note: string; file_id: string | null; at: string } | null;
  compared?: { before: AdvisedPrint | null; after: AdvisedPrint[] };
}

export interface NewAdvice {
  file_id?: string;
  preset?: string;
  question?: string;
  changes?: { key: string; new: SettingValue; preset_type?: PresetType; reason?: string }[];
  model?: string;
  without?: string[];
}

/** What a question could be sent with. */
export interface Piece {
  id: string;
  kind: "file" | "settings" | "findings" | "analysis" | "changed" | "preset" | "live" | "guide" | "photo";
  title: string;
  text: string;
  ref: string;
  tokens: number;
  cut: boolean;
}

/** What an answer was made of. */
export interface Sent {
  message_id: string;
  items: Piece[];
  tools: { name: string; arguments: Record<string, unknown>; result: Record<string, unknown> }[];
}

/** What a photo shows; without a model that sees, the questions go on. */
export interface Diagnosis {
  provider: "model" | "questionnaire";
  model: string | null;
  defect: { ref: string; title: string; text: string } | null;
  /** 0 to 1. */
  confidence: number | null;
  seen: string;
  causes: { cause: string; why: string }[];
  first_steps: string[];
  questionnaire: string | null;
  reason: string;
  sources: Piece[];
}

export interface Question {
  id: string;
  text: string;
  hint: string;
  options: { id: string; label: string; picture: string; next: string | null }[];
}

/** Where answers lead: to a question, or to defects of the guide. */
export interface Place {
  question: Question | null;
  defects: { ref: string; title: string; likely: "probable" | "possible"; why: string; first_steps: string[]; keys: string[] }[];
  path: { question: string; answer: string }[];
}

export interface List<T> {
  items: T[];
  next_cursor: string | null;
}
