/** Names for the shapes of conversations and artefacts. */
import type { components } from "../api/schema";

type Schemas = components["schemas"];

export type Conversation = Schemas["ConversationOut"];
export type ConversationPart = Schemas["ConversationPage"];
export type ConversationChange = Schemas["ConversationChange"];
export type Share = Schemas["ShareOut"];
export type Shares = Schemas["SharesOut"];
export type Reader = Schemas["ReaderOut"];
export type Readers = Schemas["ReadersOut"];
export type ShareIn = Schemas["ShareIn"];
export type Artefact = Schemas["ArtefactOut"];
export type Artefacts = Schemas["ArtefactsOut"];
export type Version = Schemas["VersionOut"];
export type Versions = Schemas["VersionsOut"];
export type Diff = Schemas["DiffOut"];
export type FileSet = Schemas["SetOut"];
export type FileSets = Schemas["SetsOut"];
export type GenerateIn = Schemas["GenerateIn"];
export type Started = Schemas["StartedOut"];
export type Run = Schemas["TeamRunOut"];
