// From a document as written to the document as meant: presets and defaults filled in, inert settings set aside.
import { violations } from "./judging.js";
import { advice, bundle, engines, ENGINE, fields, get, isObject, put } from "./specification.js";

const partOf = (reports) => ({
  ...advice,
  allOf: advice.allOf.filter((part) => Boolean(part["x-llem-rule"].reports) === reports),
});
const SETTLES = partOf(false);
const REPORTS = partOf(true);

/** What the advice that only reports says of a document as written. */
export const remarks = (document) => violations(REPORTS, document);

/** The engine that a document chooses, by default where it does not say. */
export const chosenEngine = (document) => get(document, [ENGINE]) ?? bundle.properties[ENGINE].default;

/** What a valid document means: the engine, all values, the origin of each, what is sent, and what is not and why. */
export function resolve(document) {
  const engine = chosenEngine(document);
  const { filled, origins } = fill(document, engine);
  const settled = structuredClone(filled);
  const inert = [];
  for (const { path, keyword, expected, rule } of violations(SETTLES, filled)) {
    if (!rule || get(settled, path) === null) continue;
    const sent = keyword === "const" ? expected : null;
    put(settled, path, sent);
    inert.push({ path, value: get(filled, path), origin: origins.get(path.join(".")), rule, sent });
  }
  return { engine, resolved: filled, origins, settled, inert };
}

const presets = new Map(
  fields.filter((one) => one.wiring.presets).map((one) => [one.path.slice(0, -1).join("."), one]),
);
const choices = fields.filter((one) => one.opens).map((one) => one.dotted);

function fill(document, engine) {
  const filled = {};
  const origins = new Map();
  for (const setting of fields) {
    if (setting.path[0] !== engine && Object.hasOwn(engines, setting.path[0])) continue;
    let [value, origin] = [get(document, setting.path), "document"];
    if (setting.opens && isObject(value)) continue; // its keys are settings of their own
    // What is not written in one form of a choice belongs to another form, and is not filled in.
    const isOfOneForm = choices.some((choice) => setting.dotted.startsWith(`${choice}.`));
    if (value === null && !isOfOneForm) [value, origin] = [fromPreset(document, setting), "preset"];
    if (value === null && !isOfOneForm) [value, origin] = [setting.schema.default ?? null, "default"];
    if (value === null) continue;
    put(filled, setting.path, structuredClone(value));
    origins.set(setting.dotted, origin);
  }
  return { filled, origins };
}

function fromPreset(document, setting) {
  const sibling = presets.get(setting.path.slice(0, -1).join("."));
  const name = sibling ? get(document, sibling.path) : null;
  return name === null ? null : (sibling.wiring.presets[name][setting.name] ?? null);
}
