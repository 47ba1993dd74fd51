// Reads {schema, documents} and writes whether each document is valid.
import { readFileSync } from "node:fs";
import { registerSchema, validate } from "@hyperjump/json-schema/draft-2020-12";

const { schema, documents } = JSON.parse(readFileSync(0, "utf-8"));
registerSchema(schema);
const judge = await validate(schema.$id);
process.stdout.write(JSON.stringify(documents.map((document) => judge(document).valid)));
