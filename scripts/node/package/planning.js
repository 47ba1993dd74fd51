// From a valid document to its plan: "From document to plan" in docs/vocabulary.md, step by step.
import { resolve } from "./resolving.js";
import { engines, fields, get, isObject, isSetting, needs, targets } from "./specification.js";

/** The plan of a valid document; `consent` is the operator's word, undefined takes what the document asks. */
export function planOf(document, consent) {
  const { engine, settled, origins, inert } = resolve(document);
  const table = engines[engine].calls;
  const calls = new Map(
    Object.entries(table).map(([name, entry]) => [name, { entry, made: Boolean(entry.always), given: new Map() }]),
  );
  const replaced = new Set(inert.map((one) => one.path.join(".")));
  const gifts = [];
  for (const setting of fields) {
    let value = get(settled, setting.path);
    if (value === null || (setting.opens && isObject(value))) continue;
    let origin = replaced.has(setting.dotted) ? "llem" : origins.get(setting.dotted);
    if (setting.wiring.consent && consent !== undefined) [value, origin] = [value && consent, "operator"];
    give(calls, setting, engine, value, origin);
    if (!targets(setting, engine).length) continue;
    for (const [target, gift] of Object.entries(setting.wiring.gives ?? {})) {
      gifts.push([target, { value: gift, from: origin, path: setting.dotted }]);
    }
  }
  for (const { entry, given } of calls.values()) {
    for (const [argument, value] of Object.entries(entry.arguments ?? {})) given.set(argument, { value, from: "llem" });
  }
  for (const { entry, made } of calls.values()) {
    if (!made) continue;
    for (const [target, value] of Object.entries(entry.gives ?? {})) gifts.push([target, { value, from: "llem" }]);
  }
  for (const [target, gift] of gifts) {
    const [receiver, argument] = target.split(".");
    const given = calls.get(receiver)?.given;
    if (given && !given.has(argument)) given.set(argument, gift);
  }
  return {
    backend: engine,
    calls: [...calls].filter(([, call]) => call.made).map(([name, { entry, given }]) => ({
      call: name,
      target: entry.target,
      arguments: Object.fromEntries([...given].map(([argument, { value }]) => [argument, value])),
      origins: Object.fromEntries([...given].map(([argument, { from, path }]) => [argument, path ? { from, path } : { from }])),
    })),
    unsent: inert.map(({ path, value, origin, sent, rule }) => ({
      path: path.join("."), value, origin, sent, reason: rule.reason, rule: rule.id,
    })),
  };
}

function give(calls, setting, engine, value, origin) {
  for (const [name, argument] of targets(setting, engine)) {
    const call = calls.get(name);
    if (argument === "()") {
      call.made = Boolean(value);
    } else if (argument === "**") {
      for (const [key, passed] of Object.entries(value)) {
        if (isSetting([...setting.path, key])) continue;
        call.given.set(key, { value: literal(passed), from: "passthrough", path: `${setting.dotted}.${key}` });
      }
    } else {
      call.given.set(argument, { value: sent(setting, engine, value), from: origin, path: setting.dotted });
      call.made ||= !isSwitched(name, engine);
    }
  }
}

const isSwitched = (call, engine) =>
  fields.some((setting) => targets(setting, engine).some(([name, argument]) => name === call && argument === "()"));

/** What is sent for a value: the library's word, or a tag for what JSON lacks. */
function sent(setting, engine, value) {
  if (!isObject(value) && !Array.isArray(value)) value = needs(setting, value).sends ?? value;
  const tag = setting.wiring.tags?.[engine];
  return tag ? TAGS[tag](value) : literal(value);
}

/** The value such that no mapping of the document can be taken for a tag. */
function literal(value) {
  if (Array.isArray(value)) return value.map(literal);
  if (!isObject(value)) return value;
  if (Object.keys(value).some((key) => key.startsWith("$"))) return { $literal: value };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, literal(item)]));
}

const TAGS = {
  $torch: (value) => ({ $torch: value }),
  $new: (value) => ({ $new: value }),
  $map: (value) => {
    const [numbers, words] = [true, false].map((isNumber) =>
      Object.entries(value).filter(([key]) => /^[0-9]+$/.test(key) === isNumber),
    );
    const numbered = numbers.map(([key, item]) => [Number(key), item]).sort(([one], [two]) => one - two);
    return { $map: [...numbered, ...words] };
  },
  $model: (value) => (value.startsWith("builtin:") ? { $model: value } : value),
};
