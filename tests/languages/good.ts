// What must compile with `tsc --strict`.
import { type ExperimentConfig, InvalidDocument, isValid, plan, type Problem, problems, validate, version } from "llem";
import type { DecoderConfig, PyTorchConfig, TensorRTConfig, VLLMConfig } from "llem";

const decoder: DecoderConfig = { preset: "creative", temperature: 0.7, top_k: null };
const pytorch: PyTorchConfig = {
  attn_implementation: "sdpa",
  device_map: { "model.layers.0": 0, lm_head: "cpu" },
  early_stopping: "never",
  load_in_4bit: true,
  max_memory: { "0": "20GiB", cpu: 1 },
};
const vllm: VLLMConfig = { quantization: null };
const tensorrt: TensorRTConfig = {};

const minimal: ExperimentConfig = { model: "gpt2" };
export const whole: ExperimentConfig = {
  $schema: "llem.schema.json",
  schema_version: "0.1.0",
  model: "gpt2",
  backend: "pytorch",
  precision: "bf16",
  dataset: { input_len: 8, output_len: null },
  decoder,
  pytorch,
  vllm: null,
  passthrough_kwargs: { subfolder: "weights" },
};
export const others: ExperimentConfig[] = [
  { model: "m", backend: "vllm", vllm },
  { model: "m", backend: "tensorrt", tensorrt },
  { model: "m", dataset: "prompts.txt" },
  { model: "m", dataset: { source: "prompts.csv", column: "text" } },
];

const found: Problem[] = problems(minimal, { advice: true });
const lines: string[] = found.map(({ path, rule, message, severity }) => `${severity} ${path} ${message} ${rule} ${version}`);
const read: unknown = JSON.parse("{}");
if (isValid(read)) lines.push(read.model);
try {
  validate(read);
  const size: number | null | undefined = read.pytorch?.batch_size;
  lines.push(String(size));
} catch (error) {
  if (error instanceof InvalidDocument) lines.push(...error.problems.map(({ path }) => path));
}
for (const { call, target, arguments: given, origins } of plan(minimal, { trustRemoteCode: false }).calls) {
  lines.push(call, target, ...Object.keys(given).map((name) => `${name} ${origins[name]?.from}`));
}
