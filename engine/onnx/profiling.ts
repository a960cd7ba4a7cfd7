// A task → its result, and which node of the sessions that it made ran where, as onnxruntime's profiler tells.
import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Session, SessionOptions } from './session.ts';

/** A node that ran, on the provider that onnxruntime gave it to. */
export interface PlacedNode {
  readonly op: string;
  /** As onnxruntime names it: CPUExecutionProvider, WebGpuExecutionProvider, … */
  readonly provider: string;
  /** Whether it has a float16 input. */
  readonly half: boolean;
}

export interface Profiled<T> {
  readonly result: T;
  /** Each node once, however often it ran. */
  readonly nodes: readonly PlacedNode[];
}

interface Recording {
  readonly folder: string;
  readonly sessions: Session[];
}

const recordings = new AsyncLocalStorage<Recording>();

/**
 * Runs a task and tells the nodes of the sessions that were made by it; sessions that were there before are not seen, and those that it
 * made are not profiled any more afterwards.
 */
export async function profile<T>(task: () => Promise<T>): Promise<Profiled<T>> {
  const recording: Recording = { folder: mkdtempSync(join(tmpdir(), 'pez-nodes-')), sessions: [] };
  try {
    const result = await recordings.run(recording, task);
    for (const session of recording.sessions) session.endProfiling(); // writes the file
    return { result, nodes: readdirSync(recording.folder).flatMap((file) => readNodes(join(recording.folder, file))) };
  } finally {
    rmSync(recording.folder, { recursive: true });
  }
}

/** Makes a session that the task around it, if `profile` runs it, takes note of. */
export async function openProfiled(
  options: SessionOptions,
  open: (options: SessionOptions) => Promise<Session>,
): Promise<Session> {
  const recording = recordings.getStore();
  if (!recording) return open(options);
  const profileFilePrefix = join(recording.folder, String(recording.sessions.length));
  const session = await open({ ...options, enableProfiling: true, profileFilePrefix });
  recording.sessions.push(session);
  return session;
}

/** What is used of an event of the profile. */
interface ProfileEvent {
  readonly cat?: string;
  readonly name?: string;
  readonly args?: {
    readonly op_name?: string;
    readonly provider?: string;
    readonly node_index?: string;
    readonly input_type_shape?: readonly Readonly<Record<string, unknown>>[];
  };
}

function readNodes(file: string): PlacedNode[] {
  const events: ProfileEvent[] = JSON.parse(readFileSync(file, 'utf8'));
  const nodes = new Map<string, PlacedNode>();
  for (const { cat, name, args } of events) {
    if (cat !== 'Node' || !args?.op_name || !args.provider) continue; // sessions, and calls of WebGPU
    const half = args.input_type_shape?.some((input) => 'float16' in input) ?? false;
    nodes.set(`${args.node_index} ${name}`, { op: args.op_name, provider: args.provider, half });
  }
  return [...nodes.values()];
}
