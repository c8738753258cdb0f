/** The agent's routes around the slicer: files, jobs, printers, presets, advice. */
import { address, call } from "./client";
import type {
  Analysis,
  Held,
  Job,
  List,
  NewPrinter,
  Printer,
  PrinterState,
  PrinterTested,
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
  /** The address of its picture, `edge` pixels at the most. */
  picture: (id: string, edge: number, plate: number | null = null) =>
    address(`/slicer/files/${path(id)}/thumbnail`, { max_edge: edge, plate }),
};

export const held = {
  list: () => call<List<Held>>("GET", "/slicer/held"),
  release: (id: string) => call<Job>("POST", `/slicer/held/${path(id)}/release`),
  reject: (id: string) => call<Job>("POST", `/slicer/held/${path(id)}/reject`),
};

export const printers = {
  list: () => call<List<Printer>>("GET", "/printers"),
  /** Tried before it is kept. */
  add: (body: NewPrinter) => call<Printer>("POST", "/printers", { body, timeoutMs: 45_000 }),
  change: (id: string, body: Partial<NewPrinter>) => call<Printer>("PATCH", `/printers/${path(id)}`, { body, timeoutMs: 45_000 }),
  remove: (id: string) => call<void>("DELETE", `/printers/${path(id)}`),
  test: (id: string) => call<PrinterTested>("POST", `/printers/${path(id)}/test`, { timeoutMs: 45_000 }),
  state: (id: string) => call<PrinterState>("GET", `/printers/${path(id)}/state`, { timeoutMs: 30_000 }),
  /** The address of what its camera shows; `at` makes the browser ask anew. */
  camera: (id: string, at: number) => address(`/printers/${path(id)}/camera`, { at }),
};

/** What each setting is called in the slicer's windows. */
export const keys = () => call<List<SettingKey>>("GET", "/slicer/keys");
