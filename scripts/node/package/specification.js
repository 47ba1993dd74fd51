// What the specification says: its settings, engines and rules. The data is put in when the package is built.
import advice from "llem:advice";
import bundle from "llem:schema";
import engines from "llem:engines";
import names from "llem:names";

export { advice, bundle, engines, names };

/** The setting that chooses the engine. */
export const ENGINE = "backend";

/** The key of `x-llem.values` that stands for every value without a key of its own. */
const ANY = "*";

export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** The member of an object, undefined when it has none of its own. */
export const own = (object, key) => (Object.hasOwn(object, key) ? object[key] : undefined);

/** The schema that a node refers to, or the node itself. */
export function follow(node, whole = bundle) {
  while (node.$ref) node = whole.$defs[node.$ref.slice("#/$defs/".length)];
  return node;
}

/** The JSON types of a node, null left out. */
export const types = (node) => [node.type ?? []].flat().filter((type) => type !== "null");

function* walk(node, path) {
  for (const [name, reference] of Object.entries(node.properties ?? {})) {
    const child = follow(reference);
    const branches = (child.anyOf ?? []).map((branch) => follow(branch));
    const sections = [child, ...branches].filter((part) => part.properties);
    const isSection = sections.includes(child);
    if (!isSection || child["x-llem"]?.calls) yield field([...path, name], child, sections.length > 0 && !isSection);
    for (const section of sections) yield* walk(section, [...path, name]);
  }
}

function field(path, schema, opens) {
  return { path, dotted: path.join("."), name: path.at(-1), schema, opens, wiring: schema["x-llem"] ?? {} };
}

/** Every setting in the order of the schema, sections opened. `opens`: it may also be an object of settings. */
export const fields = [...new Map([...walk(bundle, [])].map((one) => [one.dotted, one])).values()];

const places = new Set(fields.map(({ path }) => JSON.stringify(path)));

/** Whether a setting stands at a path, and no section or free key. */
export const isSetting = (path) => places.has(JSON.stringify(path));

/** [call, argument] of each argument that receives a setting; see docs/vocabulary.md for `**`, `*` and `()`. */
export function targets(setting, engine) {
  return (setting.wiring.calls?.[engine] ?? []).map((target) => {
    if (target.endsWith("()")) return [target.slice(0, -2), "()"];
    const [call, argument] = target.split(/\.(.*)/s);
    return [call, argument || setting.name];
  });
}

/** What a value needs, sends or is. */
export function needs(setting, value) {
  const entries = setting.wiring.values ?? {};
  return own(entries, String(value)) ?? entries[ANY] ?? {};
}

/** The comparisons of two settings that are rules, and those that are advice. */
export const checks = bundle["x-llem-check"] ?? [];
export const comparisons = advice["x-llem-check"] ?? [];

const OPERATORS = {
  "<": (left, right) => left < right,
  "<=": (left, right) => left <= right,
  ">": (left, right) => left > right,
  ">=": (left, right) => left >= right,
  divides: (part, whole) => whole % part === 0,
};

/** Whether a comparison holds in a document: also where one of the two is unset, or the other one is below `from`. */
export function holds(check, document) {
  const left = get(document, check.path.split("."));
  const right = get(document, check.other.split("."));
  if (left === null || right === null || right < check.from) return true;
  return OPERATORS[check.operator](left, right);
}

/** The value at a path, null when it is unset. */
export function get(document, path) {
  for (const part of path) document = isObject(document) ? own(document, part) : undefined;
  return document ?? null;
}

/** Set the value at a path, making the sections on the way; null removes it. */
export function put(document, path, value) {
  const name = path.at(-1);
  for (const part of path.slice(0, -1)) document = document[part] ??= {};
  if (value === null) delete document[name];
  else document[name] = value;
}
