// A context in which a node runs by itself: plain temp folders, real models, and a record of what it showed.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clip, loadClip, loadVisionTower } from '../../engine/clip/clip.ts';
import { type Checkpoint, loadCheckpoint } from '../../engine/diffusion/checkpoint.ts';
import { loadDiffusionModel, loadPromptModel, loadVae } from '../../engine/diffusion/loose-parts.ts';
import { decodeFrames } from '../../engine/image/decode-frames.ts';
import { type NodeDefinition, NodeResult, type ValidateContext } from '../../nodes/define-node.ts';
import { nodes } from '../../nodes/index.ts';
import type { ChoiceSources, NodeContext, NodeFiles, NodeModels } from '../../nodes/node-context.ts';
import { checkpointDir } from '../diffusion/fixture.ts';

export interface TestContext extends NodeContext, ValidateContext {
  readonly dir: string;
  readonly shown: { progress: [number, number][]; texts: string[]; previews: Uint8Array[] };
  abort(reason?: unknown): void;
  close(): void;
}

const clips = new Map<string, Promise<Clip>>();

/** Loads a bundled CLIP once per test file. */
export function testClip(name = 'pico-clip'): Promise<Clip> {
  if (!clips.has(name)) clips.set(name, loadClip(name));
  return clips.get(name)!;
}

const checkpoints = new Map<string, Promise<Checkpoint>>();

/** Loads a tiny checkpoint of test/fixtures/diffusion (sd15, sdxl, lcm) once per test file. */
export function testCheckpoint(name = 'sd15'): Promise<Checkpoint> {
  if (!checkpoints.has(name)) checkpoints.set(name, loadCheckpoint(checkpointDir(name)));
  return checkpoints.get(name)!;
}

/** A fresh context; `close` removes its folders. `onText` and `onProgress` let a test act while the node runs. */
export function makeContext({
  writeMetadata = true,
  onProgress,
}: {
  writeMetadata?: boolean;
  onProgress?: (value: number, context: TestContext) => void;
} = {}): TestContext {
  const dir = mkdtempSync(join(tmpdir(), 'pez-node-'));
  const controller = new AbortController();
  const shown: TestContext['shown'] = { progress: [], texts: [], previews: [] };
  for (const name of ['input', 'output', 'temp']) mkdirSync(join(dir, name));
  const context: TestContext = {
    dir,
    shown,
    signal: controller.signal,
    nodeId: '1',
    promptId: 'test',
    callIndex: 0,
    linkTypes: {},
    progress(value, max) {
      shown.progress.push([value, max]);
      onProgress?.(value, context);
      controller.signal.throwIfAborted();
    },
    preview: ({ bytes }) => void shown.previews.push(bytes),
    text: (line) => void shown.texts.push(line),
    files: plainFiles(dir, writeMetadata),
    models: testModels,
    abort: (reason) => controller.abort(reason),
    close: () => rmSync(dir, { recursive: true, force: true }),
  };
  return context;
}

/** Names of files are paths here. */
const testModels: NodeModels = {
  clip: (name) => testClip(name),
  checkpoint: (name) => testCheckpoint(name),
  clipVision: (name) => loadVisionTower(name),
  diffusionModel: async (path) => loadDiffusionModel(path),
  vae: async (path) => loadVae(path),
  textEncoders: async (paths, type) => loadPromptModel(paths, { type }),
  loraPath: (name) => name,
};

function plainFiles(dir: string, writeMetadata: boolean): NodeFiles {
  let counter = 0;
  return {
    writeMetadata,
    async inputPath(name) {
      const path = join(dir, 'input', name);
      await access(path);
      return path;
    },
    readPicture: (name) => decodeFrames(join(dir, 'input', name), name),
    async save({ type, prefix, extension, files }) {
      return files.map((bytes) => {
        const filename = `${prefix}_${String(++counter).padStart(5, '0')}_.${extension}`;
        writeFileSync(join(dir, type, filename), bytes);
        return { filename, subfolder: '', type };
      });
    },
  };
}

export const testSources: ChoiceSources = {
  inputImages: () => ['a.png', 'b.png'],
  models: (kind) => (kind === 'clip' ? ['pico-clip'] : kind === 'checkpoint' ? ['sd15'] : [`${kind}.safetensors`]),
  clips: () => ['pico-clip'],
  checkpoints: () => ['sd15'],
  offersModel: () => false,
};

/** The registered node of that class. */
export function nodeOf(type: string): NodeDefinition {
  const found = nodes.find((node) => node.type === type);
  if (!found) throw new Error(`No node ${type}`);
  return found;
}

/** Runs a node as the executor does; required widgets that are left out get their defaults. */
export async function runNode(
  type: string,
  inputs: Readonly<Record<string, unknown>>,
  context: NodeContext,
  // biome-ignore lint/suspicious/noExplicitAny: outputs of any node
): Promise<{ outputs: Record<string, any>; ui: any }> {
  const { inputs: declared, run } = nodeOf(type);
  const defaults = Object.entries(declared)
    .filter(([, input]) => !input.optional)
    .map(([name, input]) => [name, input.options.default ?? firstChoice(input.choices)]);
  const result = await run({ ...Object.fromEntries(defaults), ...inputs }, context);
  if (result instanceof NodeResult) return { outputs: result.outputs ?? {}, ui: result.ui };
  return { outputs: result as Record<string, unknown>, ui: undefined };
}

const firstChoice = (choices: unknown) =>
  (typeof choices === 'function' ? choices(testSources) : Array.isArray(choices) ? choices : [])[0];
