// What is wrong with data, place by place. Reads the words of JSON Schema that schema/meta.schema.json allows.
import { follow, isObject, own, types } from "./specification.js";

/**
 * One place where data and schema disagree: the path of the value, the keyword that failed and what it expects, the
 * value, the schema node, the rule it belongs to (undefined: none), and, for a choice, the violations of each form.
 */
const violation = (path, keyword, expected, instance, schema, rule, branches = []) => ({
  path, keyword, expected, instance, schema, rule, branches,
});

/** Every violation, in the order of the schema. */
export const violations = (schema, data) => [...check(schema, data, [], undefined, schema)];

function* check(node, value, path, rule, whole) {
  if (node === true) return;
  rule ??= node["x-llem-rule"];
  const descend = (child, item = value, ...steps) => check(child, item, [...path, ...steps], rule, whole);
  for (const [keyword, expected] of Object.entries(node)) {
    const failed = (branches) => violation(path, keyword, expected, value, node, rule, branches);
    const isRight = TESTS[keyword]?.(expected, value);
    if (isRight === false) yield failed();
    else if (keyword === "$ref") yield* descend(follow(node, whole));
    else if (keyword === "allOf") for (const part of expected) yield* descend(part);
    else if (keyword === "not" && is(expected, value, whole)) yield failed();
    else if (keyword === "if") yield* descend(node[is(expected, value, whole) ? "then" : "else"] ?? true);
    else if (keyword === "anyOf") {
      const branches = expected.map((form) => [follow(form, whole), [...descend(form)]]);
      if (branches.every(([, found]) => found.length)) yield failed(branches);
    } else if (keyword === "items" && Array.isArray(value)) {
      for (const [index, item] of value.entries()) yield* descend(expected, item, index);
    } else if (isObject(value)) {
      if (keyword === "required") for (const key of expected) if (!Object.hasOwn(value, key)) yield failed();
      if (keyword === "properties") {
        for (const [key, child] of Object.entries(expected)) {
          if (Object.hasOwn(value, key)) yield* descend(child, value[key], key);
        }
      } else if (keyword === "patternProperties") {
        for (const [pattern, child] of Object.entries(expected)) {
          for (const key of Object.keys(value)) if (matches(pattern, key)) yield* descend(child, value[key], key);
        }
      } else if (keyword === "additionalProperties") {
        const others = unknownKeys(node, value);
        if (expected === false && others.length) yield failed();
        else if (isObject(expected)) for (const key of others) yield* descend(expected, value[key], key);
      }
    }
  }
}

const is = (schema, value, whole) => check(schema, value, [], undefined, whole).next().done;

/** The keys of an object that its schema does not name. */
export function unknownKeys(schema, value) {
  const patterns = Object.keys(schema.patternProperties ?? {});
  const known = schema.properties ?? {};
  return Object.keys(value).filter((key) => !Object.hasOwn(known, key) && !patterns.some((one) => matches(one, key)));
}

/**
 * Whether a pattern is found in a text. A last `$` also matches before a last line break, as in Python: where none is
 * wanted, the schema says so beside the pattern, and it is told once.
 */
export const matches = (pattern, text) => new RegExp(pattern.replace(/\$$/, "(?=\\n?$)"), "u").test(text);

/** Whether two JSON values are the same. */
export function equal(one, two) {
  if (typeof one !== "object" || typeof two !== "object" || !one || !two) return one === two;
  const keys = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(two) &&
    keys.length === Object.keys(two).length &&
    keys.every((key) => Object.hasOwn(two, key) && equal(one[key], two[key]))
  );
}

/** The JSON type of a value; a whole number is an integer. */
export function kind(value) {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

const ofNumbers = (test) => (expected, value) => typeof value !== "number" || test(value, expected);
const ofTexts = (test) => (expected, value) => typeof value !== "string" || test(value, expected);
const ofLists = (test) => (expected, value) => !Array.isArray(value) || test(value, expected);

// Whether a value is right, for each word that looks at the value alone.
const TESTS = {
  type: (expected, value) => {
    const found = kind(value);
    return [expected].flat().some((type) => type === found || (type === "number" && found === "integer"));
  },
  enum: (expected, value) => expected.some((option) => equal(option, value)),
  const: equal,
  minimum: ofNumbers((value, least) => value >= least),
  maximum: ofNumbers((value, most) => value <= most),
  exclusiveMinimum: ofNumbers((value, bound) => value > bound),
  exclusiveMaximum: ofNumbers((value, bound) => value < bound),
  minLength: ofTexts((value, least) => [...value].length >= least),
  maxLength: ofTexts((value, most) => [...value].length <= most),
  pattern: ofTexts((value, pattern) => matches(pattern, value)),
  minItems: ofLists((value, least) => value.length >= least),
  maxItems: ofLists((value, most) => value.length <= most),
  uniqueItems: ofLists((value) => value.every((one, at) => !value.slice(0, at).some((other) => equal(one, other)))),
  minProperties: (least, value) => !isObject(value) || Object.keys(value).length >= least,
};
