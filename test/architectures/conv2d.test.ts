import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { GraphBuilder } from '../../engine/architectures/graph-builder.ts';
import { conv2d } from '../../engine/architectures/picture-layers.ts';
import { placeGraph } from '../../engine/architectures/place-graph.ts';
import type { Device } from '../../engine/onnx/device.ts';
import { openSession } from '../../engine/onnx/session.ts';
import { openWeights } from '../../engine/safetensors/weights.ts';
import { f32, writeSafetensors } from '../helpers/safetensors-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'conv2d-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** As many as the large kernels of Stable Diffusion have. */
const CHANNELS = 1280;

test('a large kernel gives the same in the form for the CPU and in the usual one', async () => {
  const path = join(folder, 'x.safetensors');
  // Of one byte each: 0 and powers of two from 1/64 to 1, some of them negative.
  const pattern = Uint8Array.from({ length: 7919 }, (_, i) => (i % 8) * 8 + (i % 3 === 0 ? 128 : 0));
  const bytes = Buffer.alloc(CHANNELS * CHANNELS * 9, pattern);
  writeSafetensors(path, {
    'conv.weight': { dtype: 'F8_E4M3', shape: [CHANNELS, CHANNELS, 3, 3], bytes },
    'conv.bias': f32(
      [CHANNELS],
      Array.from({ length: CHANNELS }, (_, i) => i),
    ),
  });
  const weights = openWeights(path);
  const parameters = { source: path, find: (name: string) => weights.get(name) };
  const graphFor = (device: Device) => {
    const graph = new GraphBuilder(path);
    const context = { graph, parameters, groups: 32, epsilon: 1e-5, attention: 'fused', device } as const;
    const x = graph.input('x', 'float32', [1, CHANNELS, 'height', 'width']);
    graph.output('y', conv2d(context, x, { prefix: 'conv', stride: 2 }), [1, CHANNELS, 'out_height', 'out_width']);
    return graph.build();
  };
  const x = new ort.Tensor(
    'float32',
    Float32Array.from({ length: CHANNELS * 15 }, (_, i) => Math.sin(i)),
    [1, CHANNELS, 3, 5],
  );
  const [forCpu, usual] = (['cpu', 'webgpu'] as const).map(graphFor);
  expect(forCpu.model.nodes.some(({ op }) => op === 'Unsqueeze')).toBe(true);
  expect(usual.model.nodes.some(({ op }) => op === 'Unsqueeze')).toBe(false);
  const [a, b] = await Promise.all(
    [forCpu, usual].map(async (graph) => {
      const session = await openSession(placeGraph(graph, { name: 'conv', cacheDir: join(folder, 'cache') }));
      const { y } = await session.run({ x });
      await session.release();
      return y;
    }),
  );
  expect([a.dims, b.dims]).toEqual(Array(2).fill([1, CHANNELS, 2, 3]));
  const other = b.data as Float32Array;
  const largest = (a.data as Float32Array).reduce((max, value, i) => Math.max(max, Math.abs(value - other[i])), 0);
  expect(largest).toBeLessThan(1e-3);
});
