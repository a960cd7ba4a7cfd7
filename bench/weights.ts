// A folder of weights → what they cost: time to load, memory, a guided step, against diffusers on PyTorch in turns; a CLIP's embedding and PEZ step.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensorsHeader } from '../engine/safetensors/header.ts';
import { median } from './clock.ts';
import type { Row } from './table.ts';
import { startWorker, type WeightsWorker } from './weights-process.ts';

export interface WeightsBench {
  /** Holds `checkpoints/*.safetensors`, folders of diffusers and folders of CLIPs, as training/full_size/make.py writes them. */
  readonly folder: string;
  /** A Python in which diffusers can be imported; without one the columns of PyTorch stay empty. */
  readonly python: string;
}

const SIDES = [256, 512];
/** In each, one run of ours and one of theirs. */
const ROUNDS = 3;
const NONE = '—';
const ours = fileURLToPath(new URL('weights-worker.ts', import.meta.url));
const theirs = fileURLToPath(new URL('weights_worker.py', import.meta.url));

/** One row for each checkpoint and for each CLIP of the folder; each is loaded in a process of its own, which tells its peak. */
export async function measureWeights({ folder, python }: WeightsBench): Promise<Record<string, Row[]>> {
  const checkpoints: Row[] = [];
  for (const path of checkpointsOf(folder)) checkpoints.push(await measureCheckpoint(path, folder, python));
  const clips: Row[] = [];
  for (const path of clipsOf(folder)) clips.push(await measureClip(path));
  return {
    ...(checkpoints.length > 0 && { 'Checkpoints (seconds, GB)': checkpoints }),
    ...(clips.length > 0 && { 'CLIPs (milliseconds, GB)': clips }),
  };
}

function checkpointsOf(folder: string): string[] {
  const files = join(folder, 'checkpoints');
  const names = existsSync(files) ? readdirSync(files).sort() : [];
  return names.filter((name) => name.endsWith('.safetensors')).map((name) => join(files, name));
}

function clipsOf(folder: string): string[] {
  const weights = ['model.safetensors', 'open_clip_model.safetensors'];
  const folders = readdirSync(folder).sort();
  return folders.map((name) => join(folder, name)).filter((dir) => weights.some((file) => existsSync(join(dir, file))));
}

/** Seconds a step at batch 2 (guidance), ours and theirs in turns; PyTorch reads the diffusers folder that has the file's name. */
async function measureCheckpoint(path: string, folder: string, python: string): Promise<Row> {
  const name = path
    .split(/[/\\]/)
    .at(-1)!
    .replace(/\.safetensors$/, '');
  const diffusers = join(folder, name);
  const workers: Record<string, WeightsWorker> = {
    ours: await startWorker(process.execPath, ['--import', 'tsx', ours]),
  };
  if (existsSync(join(diffusers, 'model_index.json'))) {
    const torch = await startWorker(python, [theirs]).catch(() => undefined);
    if (torch) workers.torch = torch;
  }
  try {
    const load: Record<string, number> = {};
    for (const [who, worker] of Object.entries(workers)) {
      load[who] = (await worker.ask({ do: 'load', path: who === 'ours' ? path : diffusers })).seconds;
      process.stderr.write(`  ${name}, ${who}: loaded in ${load[who].toFixed(1)} s\n`);
    }
    const steps: Record<string, number> = {};
    for (const side of SIDES) Object.assign(steps, await stepsInTurns(workers, side));
    const { peak } = await workers.ours.ask({ do: 'memory' });
    const float32 = float32Bytes(path);
    const ratio = (side: number) => steps[`ours ${side}`] / steps[`torch ${side}`];
    return {
      checkpoint: name,
      'float32 weights': (float32 / 1e9).toFixed(2),
      load: load.ours.toFixed(1),
      'PyTorch: load': shown(load.torch, 1),
      peak: (peak / 1e9).toFixed(2),
      'peak / float32': (peak / float32).toFixed(2),
      ...Object.fromEntries(
        SIDES.flatMap((side) => [
          [`step ${side} px`, steps[`ours ${side}`].toFixed(2)],
          [`PyTorch: ${side} px`, shown(steps[`torch ${side}`], 2)],
          [`ratio ${side} px`, shown(ratio(side), 2)],
        ]),
      ),
    };
  } finally {
    for (const worker of Object.values(workers)) await worker.end();
  }
}

const shown = (value: number | undefined, digits: number): string =>
  value === undefined || Number.isNaN(value) ? NONE : value.toFixed(digits);

/** Medians, under "<who> <side>"; a first round is not counted. */
async function stepsInTurns(workers: Record<string, WeightsWorker>, side: number): Promise<Record<string, number>> {
  const times: Record<string, number[]> = {};
  for (let round = -1; round < ROUNDS; round++)
    for (const [who, worker] of Object.entries(workers)) {
      const { seconds } = await worker.ask({ do: 'step', side });
      process.stderr.write(`  ${who}, ${side} px: ${seconds.toFixed(2)} s\n`);
      if (round >= 0) (times[`${who} ${side}`] ??= []).push(seconds);
    }
  return Object.fromEntries(Object.entries(times).map(([key, list]) => [key, median(list)]));
}

async function measureClip(path: string): Promise<Row> {
  const worker = await startWorker(process.execPath, ['--import', 'tsx', ours]);
  try {
    const { seconds, text, picture, pez } = await worker.ask({ do: 'clip', path });
    const { peak } = await worker.ask({ do: 'memory' });
    const weights = readdirSync(path).find((name) => name.endsWith('.safetensors'))!;
    const float32 = float32Bytes(join(path, weights));
    return {
      clip: path.split(/[/\\]/).at(-1)!,
      'float32 weights': (float32 / 1e9).toFixed(2),
      'load and first use s': seconds.toFixed(1),
      text: text.toFixed(0),
      picture: picture.toFixed(0),
      'PEZ step, 8 tokens': pez.toFixed(0),
      peak: (peak / 1e9).toFixed(2),
      'peak / float32': (peak / float32).toFixed(2),
    };
  } finally {
    await worker.end();
  }
}

/** What the weights take in float32, from the header alone. */
function float32Bytes(path: string): number {
  const { tensors } = readSafetensorsHeader(path);
  return [...tensors.values()].reduce((sum, { dims }) => sum + 4 * dims.reduce((a, b) => a * b, 1), 0);
}
