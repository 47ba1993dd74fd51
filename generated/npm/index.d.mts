// Written by `python scripts/generate.py` from schema/. Do not edit.
import type { ExperimentConfig } from "./document.mjs";
export * from "./document.mjs";

/** The version of the specification. */
export const version: string;

/** What is wrong at one place of a document, or, as a warning, has no effect. */
export interface Problem {
  /** Where, for example `pytorch.num_beams`; keys that are no plain words are quoted: `device_map["model.layers.0"]`. */
  path: string;
  /** The id of a rule or an advice, or the keyword of JSON Schema that failed. */
  rule: string;
  /** One sentence that says what to do. */
  message: string;
  severity: "error" | "warning";
}

/** A value in a plan: JSON, with `{"$torch": "bfloat16"}` and the like for what JSON lacks (docs/vocabulary.md). */
export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };

/** Where an argument comes from, and the setting it stands for (none for llem's own). */
export interface Origin {
  from: "document" | "preset" | "default" | "llem" | "operator" | "passthrough";
  path?: string;
}

/** One call of an engine with its exact arguments. */
export interface Call {
  call: string;
  target: string;
  arguments: { [name: string]: Value };
  origins: { [name: string]: Origin };
}

/** A setting that is not sent as it stands, what is sent in its place (null: nothing), and why. */
export interface Unsent {
  path: string;
  value: Value;
  origin: "document" | "preset" | "default";
  sent: Value;
  reason: string;
  rule: string;
}

/** What runs for a document: the calls of its engine in order, and the settings that are not sent as they stand. */
export interface Plan {
  backend: string;
  calls: Call[];
  unsent: Unsent[];
}

/** A document has problems; `problems` is the list of all of them. */
export class InvalidDocument extends Error {
  readonly problems: Problem[];
}

/** Every problem of a document; with `advice`, one without errors is also searched for settings without effect. */
export function problems(document: unknown, options?: { advice?: boolean }): Problem[];

/** Whether a document has no problem. */
export function isValid(document: unknown): document is ExperimentConfig;

/** Throw InvalidDocument, with every problem, unless a document is valid. */
export function validate(document: unknown): asserts document is ExperimentConfig;

/**
 * The plan of a valid document. Throws InvalidDocument.
 *
 * `trustRemoteCode` is the operator's word on code that comes with a model; unset, it is as the document asks.
 */
export function plan(document: ExperimentConfig, options?: { trustRemoteCode?: boolean | null }): Plan;
