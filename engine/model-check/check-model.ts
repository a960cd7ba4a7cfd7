// A model and a device → for each part: does it run, where does each node run, how fast, and does it compute what the CPU computes?

import { findAny } from '../diffusion/any-model.ts';
import { isCheckpoint } from '../diffusion/layout.ts';
import { type ErrorCode, InputError } from '../errors.ts';
import type { HubOptions } from '../hub/pull-folder.ts';
import { checkDevice, type Device } from '../onnx/device.ts';
import { type PlacedNode, profile } from '../onnx/profiling.ts';
import { checkpointParts, samplePrompt } from './checkpoint-parts.ts';
import { clipParts } from './clip-parts.ts';
import type { Checkable, Part } from './part.ts';

export interface CheckOptions {
  /** Where it shall run; cpu by default. */
  readonly device?: string;
  readonly dtype?: string;
  readonly signal?: AbortSignal;
  readonly onPlan?: HubOptions['onPlan'];
  readonly onProgress?: HubOptions['onProgress'];
  readonly onNote?: HubOptions['onNote'];
  /** Called before a part runs. */
  readonly onPart?: (part: string) => void;
}

export interface ModelReport {
  readonly model: string;
  readonly kind: 'clip' | 'checkpoint';
  readonly dir: string;
  readonly device: Device;
  readonly parts: readonly PartReport[];
}

export interface PartReport {
  readonly part: string;
  /** Why it does not run at all, or not on the device. */
  readonly error?: { readonly code: ErrorCode; readonly message: string };
  /** Why it was passed over: the model has no such part, or it has no gradient. */
  readonly skipped?: string;
  /** Milliseconds of one run on the CPU: the fastest of a few. */
  readonly cpuMs?: number;
  /** Nodes by op, with --device cpu all of them `onCpu`. */
  readonly nodes?: NodeCounts;
  /** Only with another device than the CPU. */
  readonly deviceMs?: number;
  readonly agreement?: Agreement;
}

export interface NodeCounts {
  readonly onDevice: Readonly<Record<string, number>>;
  readonly onCpu: Readonly<Record<string, number>>;
  /** Copies of a value between the two. */
  readonly copies: number;
}

export interface Agreement {
  /** Largest |device − CPU| of the numbers that come out. */
  readonly difference: number;
  /** Largest |CPU|. */
  readonly largest: number;
  /** Whether the difference is what rounding explains: a thousandth of the largest number, three hundredths in float16. */
  readonly agrees: boolean;
}

const TOLERANCE = { float32: 1e-3, float16: 3e-2 };
/** Runs are repeated until this much time has passed, MAX_RUNS at most. */
const MEASURE_MS = 500;
const MAX_RUNS = 5;

/** Checks each part of a CLIP or checkpoint (bundled name, folder or hub id). Throws what loading throws; what a part throws is reported. */
export async function checkModel(name: string, options: CheckOptions = {}): Promise<ModelReport> {
  const { device: wanted = 'cpu', dtype, signal, onPlan, onProgress, onPart } = options;
  const device = checkDevice(wanted);
  const where = { dtype, signal, onPlan, onProgress, onNote: eachOnce(options.onNote) };
  const dir = await findAny(name, where);
  const kind = isCheckpoint(dir) ? 'checkpoint' : 'clip';
  const prompt = samplePrompt(name, where);
  const load = (on: Device): Promise<Checkable> =>
    kind === 'checkpoint'
      ? checkpointParts(name, prompt, { ...where, device: on })
      : clipParts(name, { ...where, device: on });
  const reference = await load('cpu');
  const tested = device === 'cpu' ? reference : await load(device);
  const parts: PartReport[] = [];
  for (const [i, part] of reference.parts.entries()) {
    signal?.throwIfAborted();
    onPart?.(part.name);
    const report = await checkOnCpu(part);
    await reference.release();
    parts.push('run' in report && device !== 'cpu' ? await compare(report, tested.parts[i]) : withoutRun(report));
    await tested.release();
  }
  return { model: name, kind, dir, device, parts };
}

/** The model is loaded more than once; what is said of it is said once. */
function eachOnce(onNote: CheckOptions['onNote']): CheckOptions['onNote'] {
  const said = new Set<string>();
  return (note) => {
    if (!said.has(note)) onNote?.(note);
    said.add(note);
  };
}

/** What is thrown if a model has no such part or one that cannot be searched; what is damaged is an error. */
const LACKING: ReadonlySet<ErrorCode> = new Set(['MODEL_UNSUPPORTED', 'MODEL_NOT_FOUND', 'OP_WITHOUT_GRADIENT']);

interface Run {
  readonly values: readonly Float32Array[];
  readonly nodes: readonly PlacedNode[];
  readonly ms: number;
}

type CpuReport = PartReport & { readonly run?: Run };

async function checkOnCpu(part: Part): Promise<CpuReport> {
  try {
    const run = await measure(part);
    return { part: part.name, cpuMs: run.ms, nodes: countNodes(run.nodes), run };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const { code, message } = error;
    return part.optional && LACKING.has(code)
      ? { part: part.name, skipped: message }
      : { part: part.name, error: { code, message } };
  }
}

const withoutRun = ({ run: _, ...report }: CpuReport): PartReport => report;

async function compare({ part, cpuMs, run: cpu }: CpuReport, onDevice: Part): Promise<PartReport> {
  try {
    const run = await measure(onDevice);
    return { part, cpuMs, deviceMs: run.ms, nodes: countNodes(run.nodes), agreement: compareRuns(cpu!, run) };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { part, cpuMs, error: { code: error.code, message: error.message } };
  }
}

/** The first run compiles and is profiled; the others are timed. */
async function measure(part: Part): Promise<Run> {
  await part.prepare?.();
  const { result: values, nodes } = await profile(() => part.run());
  const begun = performance.now();
  let ms = Number.POSITIVE_INFINITY;
  for (let run = 0; run < MAX_RUNS && (run === 0 || performance.now() - begun < MEASURE_MS); run++) {
    const started = performance.now();
    await part.run();
    ms = Math.min(ms, performance.now() - started);
  }
  return { values, nodes, ms };
}

function countNodes(nodes: readonly PlacedNode[]): NodeCounts {
  const onDevice: Record<string, number> = {};
  const onCpu: Record<string, number> = {};
  let copies = 0;
  for (const { op, provider } of nodes) {
    if (/^Memcpy(To|From)Host$/.test(op)) {
      copies++;
      continue;
    }
    const counts = provider === 'CPUExecutionProvider' ? onCpu : onDevice;
    counts[op] = (counts[op] ?? 0) + 1;
  }
  return { onDevice, onCpu, copies };
}

function compareRuns(cpu: Run, device: Run): Agreement {
  let [difference, largest] = [0, 0];
  cpu.values.forEach((values, i) => {
    values.forEach((value, k) => {
      const apart = Math.abs(value - device.values[i][k]);
      difference = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : Math.max(difference, apart);
      largest = Math.max(largest, Math.abs(value));
    });
  });
  const half = device.nodes.some((node) => node.half);
  return { difference, largest, agrees: difference <= TOLERANCE[half ? 'float16' : 'float32'] * largest };
}
