// Judges and plans documents, with the verdicts, messages and plans of the Python package.
import isValidDocument from "llem:validator";
import version from "llem:version";
import { adviceOn } from "./advising.js";
import { violations } from "./judging.js";
import { messages } from "./messages.js";
import { planOf } from "./planning.js";
import { bundle, checks, holds } from "./specification.js";
import { dotted } from "./texts.js";
import { normalise } from "./values.js";

export { version };

/** A document has problems; `problems` is the list of all of them. */
export class InvalidDocument extends Error {
  constructor(problems) {
    super(problems.map(({ path, message, rule }) => `${path ? `${path}: ` : ""}${message} [${rule}]`).join("\n"));
    this.name = "InvalidDocument";
    this.problems = problems;
  }
}

/** Every problem of a document; with `advice`, a document without errors is also searched for settings without effect. */
export function problems(document, { advice = false } = {}) {
  const { data, faults } = normalise(document);
  const faulty = new Set(faults.map((one) => dotted(one.path)));
  const found = faults.map((one) => problem(one));
  if (data !== undefined) found.push(...wrong(data).map((one) => problem(one)).filter((one) => !faulty.has(one.path)));
  if (!found.length && advice) found.push(...adviceOn(data).map((one) => problem(one, "warning")));
  return found;
}

/** Whether a document has no problem. */
export const isValid = (document) => {
  const { data, faults } = normalise(document);
  return !faults.length && !wrong(data).length;
};

/** Throw InvalidDocument, with every problem, unless a document is valid. */
export function validate(document) {
  const found = problems(document);
  if (found.length) throw new InvalidDocument(found);
}

/** The plan of a valid document: the calls of its engine with their exact arguments. Throws InvalidDocument. */
export function plan(document, { trustRemoteCode } = {}) {
  validate(document);
  return planOf(normalise(document).data, trustRemoteCode ?? undefined);
}

function wrong(data) {
  if (!isValidDocument(data)) {
    const found = messages(violations(bundle, data));
    if (!found.length) throw new Error("the verdict of the schema cannot be explained: please report this document");
    return found;
  }
  const broken = checks.filter((check) => !holds(check, data));
  return broken.map((check) => ({ path: check.path.split("."), rule: check.id, text: check.message }));
}

function problem({ path, rule, text }, severity = "error") {
  return { path: dotted(path), rule, message: text, severity };
}
