// Reads what schema/ says ({mark, version, schemas, advice, engines, names}) and writes {path below generated/: text}.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import { build } from "esbuild";
import { compile } from "json-schema-to-typescript";
import { InputData, JSONSchemaInput, quicktype } from "quicktype-core";

const given = JSON.parse(readFileSync(0, "utf-8"));
const PACKAGE = fileURLToPath(new URL("package/", import.meta.url));
const ANNOTATIONS = ["$id", "title", "description", "default", "examples", "x-llem", "x-llem-rule", "x-llem-check"];

/** What a verdict needs of a schema. */
function bare(node, isNames = false) {
  if (Array.isArray(node)) return node.map((item) => bare(item));
  if (node === null || typeof node !== "object") return node;
  const kept = Object.entries(node).filter(([key]) => isNames || !ANNOTATIONS.includes(key));
  const opens = ["properties", "patternProperties", "$defs"];
  const whole = ["enum", "const", "required"];
  return Object.fromEntries(
    kept.map(([key, value]) => [key, !isNames && whole.includes(key) ? value : bare(value, !isNames && opens.includes(key))]),
  );
}

/** The schema as a function, written out by ajv. */
function validator(schema) {
  const code = { source: true, esm: true };
  const ajv = new Ajv2020({ code, strict: true, strictRequired: false, strictTypes: false, allowUnionTypes: true, ownProperties: true });
  return standalone.default(ajv, ajv.compile(bare(schema)));
}

const MODULES = {
  schema: { contents: JSON.stringify(given.schemas[""]), loader: "json" },
  advice: { contents: JSON.stringify(given.advice), loader: "json" },
  engines: { contents: JSON.stringify(given.engines), loader: "json" },
  names: { contents: JSON.stringify(given.names), loader: "json" },
  version: { contents: JSON.stringify(given.version), loader: "json" },
  validator: { contents: validator(given.schemas[""]), loader: "js", resolveDir: PACKAGE },
};

const data = {
  name: "llem",
  setup(build) {
    build.onResolve({ filter: /^llem:/ }, ({ path }) => ({ path: path.slice("llem:".length), namespace: "llem" }));
    build.onLoad({ filter: /.*/, namespace: "llem" }, ({ path }) => MODULES[path]);
  },
};

/** Everything in one file without dependencies. */
async function bundled(format) {
  const { outputFiles } = await build({
    entryPoints: [`${PACKAGE}index.js`],
    bundle: true,
    format,
    charset: "utf8",
    minify: true,
    target: "es2022",
    legalComments: "none",
    banner: { js: `// ${given.mark}` },
    plugins: [data],
    write: false,
  });
  return outputFiles[0].text;
}

/** The document as TypeScript types; a section may be null where it is used, and not in itself. */
function typescript(schema) {
  const nullable = Object.entries(given.schemas[""].$defs).filter(([, { type }]) => type?.includes("null"));
  const references = new Set(nullable.map(([name]) => `#/$defs/${name}`));
  for (const [name, property] of Object.entries(schema.properties)) {
    if (references.has(property.$ref)) schema.properties[name] = { anyOf: [property, { type: "null" }] };
  }
  return compile(schema, "ExperimentConfig", { bannerComment: `// ${given.mark}`, style: { printWidth: 120 }, cwd: PACKAGE });
}

/** The document as types of another language. */
async function typesOf(lang, rendererOptions) {
  const input = new JSONSchemaInput(undefined);
  await input.addSource({ name: "ExperimentConfig", schema: JSON.stringify(given.schemas.types) });
  const inputData = new InputData();
  inputData.addInput(input);
  const { lines } = await quicktype({ inputData, lang, rendererOptions, leadingComments: [] });
  // Columns are not aligned: one longer line would change all others.
  const text = lines.map((line) => line.replace(/(?<=\S) {2,}/g, " ").trimEnd()).join("\n");
  return `// ${given.mark}\n\n${text.trim()}\n`;
}

const go = await typesOf("go", { package: "llem" });
const rust = await typesOf("rust", { visibility: "public" });
const [esm, cjs, types] = await Promise.all([bundled("esm"), bundled("cjs"), typescript(given.schemas.types)]);
const api = `// ${given.mark}\n${readFileSync(`${PACKAGE}index.d.ts`, "utf-8")}`;
process.stdout.write(
  JSON.stringify({
    "npm/index.mjs": esm,
    "npm/index.cjs": cjs,
    "npm/index.d.mts": api.replaceAll("./document.js", "./document.mjs"),
    "npm/index.d.cts": api.replaceAll("./document.js", "./document.cjs"),
    "npm/document.d.mts": types,
    "npm/document.d.cts": types,
    "go/llem.go": go,
    "rust/src/lib.rs": rust,
  }),
);
