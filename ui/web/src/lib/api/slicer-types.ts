/** Names for the shapes of the slicer's routes that the pages use; the shapes are in schema.ts. */
import type { components } from "./schema";

type Schemas = components["schemas"];

export interface List<T> {
  items: T[];
  next_cursor: string | null;
}

export type SlicerFile = Schemas["SlicerFileOut"];
/** A file in a list: all but its settings. */
export type SlicerFileShort = Schemas["SlicerFileShortOut"];
export type Finding = Schemas["FindingOut"];
export type Severity = Finding["severity"];
export type Evidence = Schemas["EvidenceOut"];
export type Analysis = Schemas["AnalysisOut"];
export type Layers = Schemas["LayersOut"];
export type Feature = Schemas["FeatureOut"];
/** A preset that a file names, and where the file was sliced with something else. */
export type FilePreset = Schemas["FilePresetOut"];

/** What became of a file that was sent to a printer. */
export type Job = Schemas["JobOut"];
export type JobState = Job["state"];
/** A file that waits for a click. */
export type Held = Schemas["HeldOut"];

export type Printer = Schemas["PrinterOut"];
export type PrinterKind = Printer["kind"];
/** Which of its prints wait for a click. */
export type Hold = Printer["hold"];
export type NewPrinter = Schemas["PrinterIn"];
export type PrinterChange = Schemas["PrinterChangeIn"];
export type PrinterState = Schemas["PrinterStateOut"];
export type PrinterTested = Schemas["PrinterTestedOut"];
/** A print of a file; without a result while it goes on. */
export type Print = Schemas["PrintOut"];
export type NewOutcome = Schemas["OutcomeIn"];

export type ListedPreset = Schemas["ListedOut"];
export type PresetType = ListedPreset["type"];
export type Preset = Schemas["PresetOut"];
export type Difference = Schemas["DifferenceOut"];
export type Comparison = Schemas["ComparisonOut"];
export type DataFolder = Schemas["FolderOut"];
/** What is known of a setting's key: how the slicer's window names it, and its unit. */
export type SettingKey = Schemas["KeyOut"];
export type SettingValue = string | string[];

export type Advice = Schemas["AdviceOut"];
export type AdviceLine = Schemas["LineOut"];
export type AdvisedPrint = Schemas["AdvicePrintOut"];
export type NewAdvice = Schemas["AdviceIn"];
export type Helped = NonNullable<Advice["outcome"]>["result"];
/** A piece of evidence. */
export type Piece = Schemas["PieceOut"];
export type Pieces = Schemas["AdviceEvidenceOut"];
/** What an answer was made of. */
export type Sent = Schemas["SentOut"];

export type Diagnosis = Schemas["DiagnosisOut"];
export type NewDiagnosis = Schemas["DiagnosisIn"];
/** Where answers lead: to a question, or to defects of the guide. */
export type Place = Schemas["QuestionPlaceOut"];

export type Calibration = Schemas["CalibrationInfo"];
export type Calibrations = Schemas["CalibrationsOut"];
export type Calibrated = Schemas["CalibratedOut"];
export type NewCalibrated = Schemas["CalibrationIn"];

/** A slicer's program that was found. */
export type Program = Schemas["ProgramOut"];
export type NewVariants = Schemas["VariantsIn"];
export type Intent = NonNullable<NewVariants["intents"]>[number];

/** What a project came to when it was sliced in one way. */
export interface Variant {
  name: string;
  changes: { preset_type: PresetType; key: string; old: SettingValue | null; new: SettingValue }[];
  seconds: number | null;
  grams: number | null;
  layers: number | null;
  findings: Finding[];
  files: string[];
  problem: string | null;
}

/** The result of the run that slices. By hand: OpenAPI does not describe the events of a stream. */
export interface Sliced {
  program: string;
  notes: string[];
  variants: Variant[];
}
