// What there is to say of a valid document: settings without effect, and contradictions.
import { equal } from "./judging.js";
import { remarks, resolve } from "./resolving.js";
import { advice, comparisons, engines, fields, get, isSetting, holds, isObject, names, targets } from "./specification.js";
import { closest, json } from "./texts.js";

/** How near a key must be to a name to look like a slip of the hand. */
const TYPO = 0.88;

/** The advice on a valid document, at most one for each place. */
export function adviceOn(document) {
  const meant = resolve(document);
  const found = new Map();
  for (const one of [...remarksOn(document, meant.engine), ...compared(meant), ...inVain(meant)]) {
    if (!found.has(json(one.path))) found.set(json(one.path), one);
  }
  return [...found.values()];
}

function* remarksOn(document, engine) {
  for (const { path, rule } of remarks(document)) if (rule) yield message(path, rule);
  for (const { rule, setting } of lookAlikes) {
    const known = namesFor(engine);
    for (const path of freeKeys(document, [setting])) {
      const meant = closest(path.at(-1), known.keys(), TYPO);
      if (meant !== null) yield message(path, rule, `: did you mean \`${known.get(meant)}\`?`);
    }
  }
}

/** The keys that are no settings, of the mapping at a path and of those settings below it that are mappings too. */
function* freeKeys(document, path) {
  for (const key of Object.keys(get(document, path) ?? {})) {
    if (isSetting([...path, key])) yield* freeKeys(document, [...path, key]);
    else yield [...path, key];
  }
}

const lookAlikes = advice.allOf.flatMap((part) =>
  Object.entries(part.properties ?? {})
    .filter(([, child]) => child["x-llem"]?.resembles)
    .map(([setting]) => ({ rule: part["x-llem-rule"], setting })),
);

/** The names that a key could be meant to be, also in other tools, each with the path of its setting. */
function namesFor(engine) {
  const near = fields.filter(({ path }) => path[0] === engine || !Object.hasOwn(engines, path[0]));
  const paths = new Set(near.map((one) => one.dotted));
  const known = new Map();
  for (const setting of [...near].reverse()) {
    for (const [, argument] of targets(setting, engine)) if (/^\w+$/.test(argument)) known.set(argument, setting.dotted);
  }
  for (const [name, today] of Object.entries(names)) if (paths.has(today)) known.set(name, today);
  for (const setting of near) known.set(setting.name, setting.dotted);
  return known;
}

function* compared(meant) {
  for (const check of comparisons) if (!holds(check, meant.settled)) yield message(check.path.split("."), check);
}

/** What the document itself says in vain: not presets and defaults, nor a value equal to its default. */
function* inVain(meant) {
  for (const { path, value, origin, rule } of meant.inert) {
    const setting = fields.find((one) => json(one.path) === json(path));
    if (origin === "document" && !rule.quiet && !equal(value, setting.schema.default)) yield message(path, rule);
  }
}

function message(path, rule, ending = ".") {
  return { path, rule: rule.id, text: rule.message.replace(/\.$/, "") + ending };
}
