// What must not compile: each of the lines that end in a number gives this error of `tsc --strict`, and no other does.
import { type ExperimentConfig, isValid, plan, problems } from "llem";

export const documents: ExperimentConfig[] = [
  {}, // 2741
  { model: null }, // 2322
  { model: 1 }, // 2322
  { model: "m", modle: "m" }, // 2561
  { model: "m", backend: "onnx" }, // 2322
  { model: "m", precision: "float16" }, // 2322
  { model: "m", n: "8" }, // 2322
  { model: "m", dataset: { length: 8 } }, // 2353
  { model: "m", decoder: { preset: "wild" } }, // 2322
  { model: "m", decoder: { top_k: "50" } }, // 2322
  { model: "m", decoder: [] }, // 2559
  { model: "m", pytorch: { num_beam: 2 } }, // 2561
  { model: "m", pytorch: { attn_implementation: "flash" } }, // 2322
  { model: "m", pytorch: { load_in_4bit: "yes" } }, // 2322
  { model: "m", pytorch: { device_map: true } }, // 2322
  { model: "m", pytorch: { max_memory: { "0": true } } }, // 2322
  { model: "m", vllm: { load_in_4bit: true } }, // 2353
];

plan("experiment.yaml"); // 2345
plan({ model: "m" }, { trustRemoteCode: "yes" }); // 2322
plan({ model: "m" }).call("generate"); // 2551
problems({ model: "m" }, { strict: true }); // 2353
const read: unknown = {};
read.model; // 18046
if (isValid(read)) read.modle; // 2551
