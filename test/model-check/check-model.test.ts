// Checking a model on the CPU: its parts, their nodes, and what it lacks.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkModel } from '../../engine/model-check/check-model.ts';
import { standin } from '../cli/run-cli.ts';
import { checkpointDir } from '../diffusion/fixture.ts';

test('every part of a CLIP runs, and its nodes are counted', async () => {
  const { kind, dir, device, parts } = await checkModel(standin);
  expect({ kind, dir, device }).toEqual({ kind: 'clip', dir: standin, device: 'cpu' });
  expect(parts.map(({ part }) => part)).toEqual(['text', 'vision', 'gradient']);
  for (const { cpuMs, nodes, deviceMs, agreement } of parts) {
    expect(cpuMs).toBeGreaterThan(0);
    expect(nodes).toMatchObject({ onDevice: {}, onCpu: { Softmax: 2 }, copies: 0 }); // two layers
    expect([deviceMs, agreement]).toEqual([undefined, undefined]);
  }
});

test.each(['sd15', 'sdxl'])('every part of the tiny %s runs', async (name) => {
  const seen: string[] = [];
  const { kind, parts } = await checkModel(checkpointDir(name), { onPart: (part) => seen.push(part) });
  expect(kind).toBe('checkpoint');
  expect(seen).toEqual(['text encoder', 'unet', 'vae decoder', 'vae encoder']);
  expect(parts.map(({ part, error, skipped }) => ({ part, error, skipped }))).toEqual(seen.map((part) => ({ part })));
});

test('parts that a checkpoint can do without are passed over, those that it needs are errors', async () => {
  const { parts } = await checkModel(checkpointDir('lcm'));
  expect(parts[3]).toEqual({ part: 'vae encoder', skipped: expect.stringContaining('vae_encoder') });
  const notes: string[] = [];
  await checkModel(standin, { dtype: 'q8', onNote: (note) => notes.push(note) });
  expect(notes).toEqual(
    ['text', 'vision'].map(
      (tower) => `${standin} has no onnx/${tower}_model_quantized.onnx: onnx/${tower}_model.onnx is used.`,
    ),
  );
  await expect(checkModel(standin, { device: 'abacus' })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
});

test('a damaged part is an error, and the others are still checked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pez-damaged-'));
  cpSync(standin, folder, { recursive: true });
  writeFileSync(join(folder, 'onnx/vision_model.onnx'), 'not a model');
  const { parts } = await checkModel(folder);
  expect(parts[1]).toEqual({ part: 'vision', error: { code: 'MODEL_INVALID', message: expect.any(String) } });
  expect(parts.map(({ error }) => error === undefined)).toEqual([true, false, true]);
  rmSync(folder, { recursive: true });
});

test('an abort ends it before the next part', async () => {
  const abort = new AbortController();
  const seen: string[] = [];
  const onPart = (part: string) => {
    seen.push(part);
    abort.abort();
  };
  await expect(checkModel(standin, { signal: abort.signal, onPart })).rejects.toMatchObject({ name: 'AbortError' });
  expect(seen).toEqual(['text']);
});
