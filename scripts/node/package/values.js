// Data as llem takes it: JSON values, whole numbers that every language holds exactly, and no more than it can hold.
import { cut, json } from "./texts.js";

const MAX_INTEGER = 2 ** 53;
const MAX_DEPTH = 100;

/** A copy of plain data, and what is no data in it; the data is undefined when it is nested too deeply. */
export function normalise(document) {
  const faults = [];
  const fault = (path, rule, text) => {
    faults.push({ path, rule, text });
    return null;
  };

  function copy(value, path) {
    if (path.length >= MAX_DEPTH && typeof value === "object" && value !== null) throw new TooDeep(path);
    if (Array.isArray(value)) return value.map((item, index) => copy(item, [...path, index]));
    if (isPlain(value)) {
      const members = Object.entries(value).filter(([, item]) => item !== undefined);
      return Object.fromEntries(members.map(([key, item]) => [key, copy(item, [...path, key])]));
    }
    if (value === null || typeof value === "boolean") return value;
    if (typeof value === "string") {
      if (value.isWellFormed?.() ?? true) return value;
      return fault(path, "encoding", "Half a surrogate pair is no character; write the whole character.");
    }
    if (typeof value === "number") {
      if (!Number.isFinite(value)) return fault(path, "number", "Numbers must be finite; give a finite number.");
      if (!Number.isInteger(value) || Math.abs(value) <= MAX_INTEGER) return value || 0; // -0 is 0
      return fault(path, "number", `Whole numbers must lie within ±${MAX_INTEGER}; give a number nearer to 0.`);
    }
    const type = json(cut(value?.constructor?.name ?? typeof value, 60, "..."));
    return fault(path, "type", `A value of type ${type} is no data; give a mapping, a list or a scalar.`);
  }

  try {
    return { data: copy(document, []), faults };
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error;
    fault(error.path, "nesting", `The data is nested more than ${MAX_DEPTH} levels deep; make it flatter.`);
    return { data: undefined, faults };
  }
}

class TooDeep extends Error {
  constructor(path) {
    super();
    this.path = path;
  }
}

function isPlain(value) {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
