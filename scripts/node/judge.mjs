// Reads {schemas: {name: schema}, documents: [document]} and writes {name: [whether each document is valid]}.
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";

const OURS = ["x-llem", "x-llem-rule", "x-llem-check"];
const EDITORS = ["errorMessage", "markdownDescription", "markdownEnumDescriptions", "doNotSuggest"];

const { schemas, documents } = JSON.parse(readFileSync(0, "utf-8"));
const verdicts = {};
for (const [name, schema] of Object.entries(schemas)) {
  const Engine = schema.$schema.includes("draft-07") ? Ajv : Ajv2020;
  // Strict: a keyword that is unknown or without effect is an error. Rules ask for keys that stand elsewhere.
  const ajv = new Engine({ strict: true, strictRequired: false, strictTypes: false, allowUnionTypes: true });
  ajv.addVocabulary([...OURS, ...EDITORS]);
  const judge = ajv.compile(schema);
  verdicts[name] = documents.map((document) => judge(document));
}
process.stdout.write(JSON.stringify(verdicts));
