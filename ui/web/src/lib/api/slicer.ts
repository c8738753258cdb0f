/** The agent's routes around the slicer: files, jobs, printers, presets, advice. */
import { address, call, download } from "./client";
import type {
  Advice,
  Analysis,
  Calibrated,
  Calibrations,
  Comparison,
  DataFolder,
  Diagnosis,
  FilePreset,
  Held,
  Helped,
  Job,
  List,
  ListedPreset,
  NewAdvice,
  NewCalibrated,
  NewDiagnosis,
  NewOutcome,
  NewPrinter,
  NewVariants,
  Pieces,
  Place,
  Preset,
  PresetType,
  Print,
  Printer,
  PrinterChange,
  PrinterState,
  PrinterTested,
  Program,
  Sent,
  SettingKey,
  SlicerFile,
  SlicerFileShort,
} from "./slicer-types";
import type { Run } from "./types";

const path = encodeURIComponent;

export const files = {
  list: (cursor: string | null = null, limit = 50) => call<List<SlicerFileShort>>("GET", "/slicer/files", { query: { cursor, limit } }),
  read: (id: string) => call<SlicerFile>("GET", `/slicer/files/${path(id)}`),
  remove: (id: string) => call<void>("DELETE", `/slicer/files/${path(id)}`),
  analyse: (id: string) => call<Run>("POST", `/slicer/files/${path(id)}/analysis`),
  analysis: (id: string) => call<Analysis>("GET", `/slicer/files/${path(id)}/analysis`, { timeoutMs: 60_000 }),
  forward: (id: string, printer: string, print: boolean) =>
    call<Job>("POST", `/slicer/files/${path(id)}/forward`, { body: { printer, print } }),
  /** The presets that it names, and where it was sliced with something else. */
  presets: (id: string) => call<List<FilePreset>>("GET", `/slicer/files/${path(id)}/presets`, { timeoutMs: 60_000 }),
  prints: (id: string) => call<List<Print>>("GET", `/slicer/files/${path(id)}/prints`),
  /** How the latest print of it ended. */
  judge: (id: string, body: NewOutcome) => call<Print>("POST", `/slicer/files/${path(id)}/outcome`, { body }),
  /** The address of its picture, `edge` pixels at the most. */
  picture: (id: string, edge: number, plate: number | null = null) =>
    address(`/slicer/files/${path(id)}/thumbnail`, { max_edge: edge, plate }),
};

export const held = {
  read: (id: string) => call<Job>("GET", `/slicer/held/${path(id)}`),
  list: () => call<List<Held>>("GET", "/slicer/held"),
  release: (id: string, body: { print?: boolean } = {}) => call<Job>("POST", `/slicer/held/${path(id)}/release`, { body }),
  reject: (id: string) => call<Job>("POST", `/slicer/held/${path(id)}/reject`),
};

export const printers = {
  list: () => call<List<Printer>>("GET", "/printers"),
  /** Tried before it is kept. */
  add: (body: NewPrinter) => call<Printer>("POST", "/printers", { body, timeoutMs: 45_000 }),
  change: (id: string, body: PrinterChange) => call<Printer>("PATCH", `/printers/${path(id)}`, { body, timeoutMs: 45_000 }),
  remove: (id: string) => call<void>("DELETE", `/printers/${path(id)}`),
  test: (id: string) => call<PrinterTested>("POST", `/printers/${path(id)}/test`, { timeoutMs: 45_000 }),
  state: (id: string) => call<PrinterState>("GET", `/printers/${path(id)}/state`, { timeoutMs: 30_000 }),
  /** The address of what its camera shows; `at` makes the browser ask anew. */
  camera: (id: string, at: number) => address(`/printers/${path(id)}/camera`, { at }),
};

export const presets = {
  list: (query: { type?: PresetType | ""; q?: string; origin?: string; cursor?: string | null; limit?: number }) =>
    call<List<ListedPreset>>("GET", "/slicer/presets", { query, timeoutMs: 60_000 }),
  read: (type: PresetType, name: string) => call<Preset>("GET", `/slicer/presets/${type}/${path(name)}`, { timeoutMs: 60_000 }),
  compare: (type: PresetType, a: string, b: string) =>
    call<Comparison>("GET", "/slicer/presets/compare", { query: { type, a, b }, timeoutMs: 60_000 }),
  markdown: async (type: PresetType, name: string, every: boolean) =>
    (await download(`/slicer/presets/${type}/${path(name)}/markdown`, { every })).text(),
  folders: () => call<List<DataFolder>>("GET", "/slicer/folders", { timeoutMs: 60_000 }),
};

/** The slicers on this computer that can be asked to slice. */
export const programs = () => call<List<Program>>("GET", "/slicer/programs");

/** Slices a project in several ways, as a run. */
export const slice = (body: NewVariants) => call<Run>("POST", "/slicer/variants", { body });

export const advice = {
  list: (fileId: string) => call<List<Advice>>("GET", "/slicer/advice", { query: { file_id: fileId, limit: 20 } }),
  read: (id: string) => call<Advice>("GET", `/slicer/advice/${path(id)}`),
  /** A model may take its time, with a question. */
  ask: (body: NewAdvice) => call<Advice>("POST", "/slicer/advice", { body, timeoutMs: 600_000 }),
  pick: (id: string, picked: number[]) => call<Advice>("PATCH", `/slicer/advice/${path(id)}`, { body: { picked } }),
  preset: (id: string, type: PresetType) => download(`/slicer/advice/${path(id)}/preset.json`, { type }),
  bundle: (id: string) => download(`/slicer/advice/${path(id)}/bundle.zip`),
  tell: (id: string, result: Helped, note: string) =>
    call<Advice>("POST", `/slicer/advice/${path(id)}/outcome`, { body: { result, note } }),
};

export const calibrations = {
  list: () => call<Calibrations>("GET", "/slicer/calibrations"),
  compute: (body: NewCalibrated) => call<Calibrated>("POST", "/slicer/calibrations", { body }),
};

/** What a question about these would be sent with. */
export const evidence = (query: { file_id?: string | null; preset?: string | null; q?: string }) =>
  call<Pieces>("GET", "/slicer/evidence", { query });

export const diagnosis = {
  /** A model that sees may take minutes. */
  ofPhoto: (body: NewDiagnosis, signal: AbortSignal) =>
    call<Diagnosis>("POST", "/slicer/diagnosis", { body, signal, timeoutMs: 900_000 }),
  follow: (answers: readonly string[]) => call<Place>("POST", "/slicer/questionnaire", { body: { answers } }),
};

/** What an answer in a conversation was made of. */
export const sent = (messageId: string) => call<Sent>("GET", `/slicer/evidence/${path(messageId)}`);

/** What each setting is called in the slicer's windows. */
export const keys = () => call<List<SettingKey>>("GET", "/slicer/keys");
