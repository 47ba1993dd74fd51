// Reads documents and writes the problems, the advice and the plan of each. The argument names the package.
const { readFileSync } = require("node:fs");

const { plan, problems } = require(process.argv[2] ?? "llem");

const answers = JSON.parse(readFileSync(0, "utf-8")).map((document) => {
  const found = problems(document, { advice: true });
  const errors = found.filter(({ severity }) => severity === "error");
  const advice = found.filter(({ severity }) => severity === "warning");
  return { problems: errors, advice, plan: errors.length ? null : plan(document) };
});
process.stdout.write(JSON.stringify(answers));
