// Says what is wrong with a document in one sentence that tells what to do: the sentences of `llem validate`.
import { kind, unknownKeys } from "./judging.js";
import { fields, names, own } from "./specification.js";
import { closest, cut, dotted, json } from "./texts.js";

const KINDS = {
  object: "a mapping",
  array: "a list",
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
};

/** One message for each thing to change: what a rule says of a place takes the place of what a keyword says. */
export function messages(violations) {
  const found = violations.flatMap(messagesOf);
  const ruled = new Set(found.filter((one) => !isKeyword(one.rule)).map((one) => json(one.path)));
  const kept = found.filter((one) => !isKeyword(one.rule) || !ruled.has(json(one.path)));
  const guessed = new Set(kept.filter((one) => one.meant).map((one) => json([...one.path.slice(0, -1), one.meant])));
  const wanted = kept.filter((one) => one.rule !== "required" || !guessed.has(json(one.path)));
  return [...new Map(wanted.map((one) => [json([one.path, one.rule]), one])).values()];
}

const isKeyword = (rule) => Object.hasOwn(SENTENCES, rule) || ["additionalProperties", "required", "anyOf"].includes(rule);

function messagesOf(violation) {
  const { path, keyword, rule, instance } = violation;
  const absent = missing(violation);
  const said = violation.schema["x-llem"]?.message ?? rule?.message;
  if (rule) return (absent.length ? absent : [path]).map((place) => ({ path: place, rule: rule.id, text: said }));
  if (keyword === "additionalProperties") {
    return unknownKeys(violation.schema, instance).map((key) => ({
      path: [...path, key], rule: keyword, ...unknownKey(violation, key),
    }));
  }
  if (keyword === "required") {
    return absent.map((place) => ({ path: place, rule: keyword, text: `\`${place.at(-1)}\` is missing: add it.` }));
  }
  if (keyword === "anyOf") return ofTheFormThatWasMeant(violation);
  return [{ path, rule: keyword, text: SENTENCES[keyword](violation) }];
}

/** The places where something is missing. */
function missing({ path, keyword, expected, instance }) {
  if (keyword !== "required") return [];
  return expected.filter((key) => !Object.hasOwn(instance, key)).map((key) => [...path, key]);
}

/** The messages of the form that the value resembles most: the same kind, then the fewest things to change. */
function ofTheFormThatWasMeant({ path, instance, branches }) {
  const rated = branches.map(([schema, inner]) => {
    const wrongKind = inner.some((one) => isOfAnotherKind(one) && json(one.path) === json(path));
    const closed = inner.filter((one) => one.keyword === "additionalProperties");
    const unknown = closed.flatMap((one) => unknownKeys(one.schema, one.instance));
    return { inner, distance: [Number(wrongKind), Number(!("type" in schema)), inner.length + unknown.length] };
  });
  const [best] = rated.sort((one, two) => compare(one.distance, two.distance));
  if (!best.distance[0]) return best.inner.flatMap(messagesOf);
  const kinds = [...new Set(branches.flatMap(([schema]) => kindsOf(schema)))];
  return [{ path, rule: "type", text: `${shown(instance)} is not ${either(kinds)}: give one of these.` }];
}

function compare(one, two) {
  const at = one.findIndex((part, index) => part !== two[index]);
  return at < 0 ? 0 : one[at] - two[at];
}

function isOfAnotherKind({ keyword, expected, instance }) {
  if (keyword === "enum") return !expected.some((value) => kind(value) === kind(instance));
  return keyword === "type";
}

/** What to do about an unknown key, and which key was meant ("" when none is known). */
function unknownKey(violation, key) {
  const { path, schema, instance } = violation;
  const quoted = `\`${shownKey(key)}\``;
  const today = own(names, key.toLowerCase().replaceAll("-", "_"));
  if (today) return renamed(violation, quoted, today);
  const known = Object.keys(schema.properties ?? {}).filter((name) => !Object.hasOwn(instance, name));
  const here = closest(key, known);
  if (here) return { text: `${quoted} is not a setting here: did you mean \`${here}\`?`, meant: here };
  const text = (() => {
    const homes = fields.filter((one) => one.name === key && json(one.path.slice(0, -1)) !== json(path));
    if (homes.length) return `${quoted} is not a setting here: it belongs ${either(homes.map((one) => place(one.path)))}.`;
    if (schema.patternProperties) {
      const patterns = Object.keys(schema.patternProperties);
      const expected = schema["x-llem"]?.expected ?? `a key matches ${either(patterns)}`;
      return `${quoted} is not a key here: ${expected}.`;
    }
    if (fields.some((one) => json(one.path) === json([...path, key]))) {
      return `${quoted} belongs to another form of this section: remove it.`;
    }
    const elsewhere = closest(key, fields.map((one) => one.name));
    if (!elsewhere) return `${quoted} is not a setting: remove it.`;
    const home = fields.find((one) => one.name === elsewhere).path;
    return `${quoted} is not a setting: did you mean \`${dotted(home)}\`?`;
  })();
  return { text, meant: "" };
}

/** What to write for a name of other tools: the path of a setting, or what to do. */
function renamed({ path, instance }, quoted, today) {
  if (today.includes(" ")) return { text: `${quoted} is not a setting: ${today}`, meant: "" };
  const way = today.split(".");
  const name = way.at(-1);
  const text = (() => {
    if (json(way.slice(0, -1)) !== json(path)) {
      return `${quoted} is called \`${name}\` and belongs ${place(way)}: write it there.`;
    }
    if (Object.hasOwn(instance, name)) return `${quoted} is called \`${name}\`, which stands here already: remove it.`;
    return `${quoted} is called \`${name}\` here: rename it.`;
  })();
  return { text, meant: name };
}

const place = (path) => (path.length > 1 ? `under \`${dotted(path.slice(0, -1))}\`` : "at the top level");

const shownKey = (key) => cut(json(key).slice(1, -1));

/** A value as it is quoted in a message, cut when it is long. */
export function shown(value) {
  if (kind(value) === "object") return "a mapping";
  if (kind(value) === "array") return "a list";
  return json(typeof value === "string" ? cut(value) : value);
}

function kindsOf(schema) {
  if (schema.enum) return schema.enum.filter((value) => value !== null).map(String);
  return [schema.type ?? []].flat().filter((type) => type !== "null").map((type) => KINDS[type]);
}

const either = (words) => (words.length === 1 ? words[0] : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);

function typeSentence({ instance, schema }) {
  const kinds = kindsOf(schema);
  const text = `${shown(instance)} is not ${either(kinds)}`;
  if (typeof instance === "string") {
    const unquoted = { true: "true", false: "false", yes: "true", no: "false", on: "true", off: "false" };
    const word = own(unquoted, instance.toLowerCase());
    if (word && kinds.includes(KINDS.boolean)) return `${text}: write ${word}.`;
    const isNumber = kinds.includes(KINDS.number) || kinds.includes(KINDS.integer);
    if (isNumber && /^[-+]?[0-9.]+$/.test(instance)) return `${text}: remove the quotes.`;
  } else if (kinds.includes(KINDS.string) && ["integer", "number", "boolean"].includes(kind(instance))) {
    return `${text}: write it in quotes.`;
  }
  return `${text}: give ${either(kinds)}.`;
}

function enumSentence({ instance, expected, schema }) {
  const options = expected.filter((value) => value !== null).map(String);
  const text = `${shown(instance)} is not one of ${options.join(", ")}`;
  const values = Object.entries(schema["x-llem"]?.values ?? {});
  const same = values.find(([, about]) => about.sends !== undefined && about.sends === instance);
  const near = same ? same[0] : typeof instance === "string" ? closest(instance, options) : null;
  return near ? `${text}: did you mean ${near}?` : `${text}: choose one of these.`;
}

function patternSentence({ instance, schema }) {
  return `${shown(instance)} is not ${schema["x-llem"]?.expected ?? "text that is allowed here"}.`;
}

const SENTENCES = {
  not: patternSentence,
  type: typeSentence,
  enum: enumSentence,
  pattern: patternSentence,
  minimum: (v) => `${shown(v.instance)} is below the least allowed value, ${json(v.expected)}: raise it.`,
  maximum: (v) => `${shown(v.instance)} is above the greatest allowed value, ${json(v.expected)}: lower it.`,
  exclusiveMinimum: (v) => `${shown(v.instance)} must be greater than ${json(v.expected)}: raise it.`,
  exclusiveMaximum: (v) => `${shown(v.instance)} must be less than ${json(v.expected)}: lower it.`,
  minLength: () => "The text is empty: write something.",
  minProperties: () => "The mapping is empty: fill it, or remove the key.",
  minItems: (v) =>
    v.instance.length
      ? `The list has ${v.instance.length} items and needs ${v.expected}: fill it.`
      : "The list is empty: fill it, or remove the key.",
  maxItems: (v) => `The list has ${v.instance.length} items, and ${v.expected} at most: shorten it.`,
};
