/** The agent's routes around the slicer: files, jobs, printers, presets, advice. */
import { address, call } from "./client";
import type { Analysis, Held, Job, List, SettingKey, SlicerFile, SlicerFileShort } from "./slicer-types";
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
  release: (id: string) => call<Job>("POST", `/slicer/held/${path(id)}/release`, { body: {} }),
  reject: (id: string) => call<Job>("POST", `/slicer/held/${path(id)}/reject`),
};

/** What each setting is called in the slicer's windows. */
export const keys = () => call<List<SettingKey>>("GET", "/slicer/keys");
