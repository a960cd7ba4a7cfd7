/** @jest-environment-options {"webgpu": true} */
// Sessions on WebGPU: several at a time, made anew, out of memory, and what of a graph runs on the CPU.
import * as ort from 'onnxruntime-node';
import { openSessionOn, runErrorOn } from '../../engine/onnx/device.ts';
import type { Model } from '../../engine/onnx/graph.ts';
import { profile } from '../../engine/onnx/profiling.ts';
import { makeModel } from '../helpers/model.ts';
import { describeWebgpu } from '../helpers/webgpu.ts';

/** y = x0[n, 1] + x1[1, n] */
const outerSum = (n: number): Model =>
  makeModel({
    nodes: [{ op: 'Add', inputs: ['x0', 'x1'] }],
    inputs: { x0: { type: 'float32', dims: [n, 1] }, x1: { type: 'float32', dims: [1, n] } },
  });

async function run(session: ort.InferenceSession, n: number): Promise<number[]> {
  const numbers = Float32Array.from({ length: n }, (_, i) => i);
  const feeds = {
    x0: new ort.Tensor('float32', numbers, [n, 1]),
    x1: new ort.Tensor('float32', numbers, [1, n]),
  };
  const { y } = await session.run(feeds);
  return [...(y.data as Float32Array)];
}

describeWebgpu('sessions on WebGPU', () => {
  test('several run side by side, also after others were released', async () => {
    const [a, b] = [await openSessionOn('webgpu', outerSum(2)), await openSessionOn('webgpu', outerSum(3))];
    expect(await Promise.all([run(a, 2), run(b, 3)])).toEqual([
      [0, 1, 1, 2],
      [0, 1, 2, 1, 2, 3, 2, 3, 4],
    ]);
    await a.release();
    expect(await run(b, 3)).toHaveLength(9);
    await b.release();
    expect(await run(await openSessionOn('webgpu', outerSum(2)), 2)).toEqual([0, 1, 1, 2]);
  });

  test('too little memory is the fault of the device, and the next run succeeds', async () => {
    const n = 100_000; // 40 GB
    const error = await run(await openSessionOn('webgpu', outerSum(n)), n).catch((thrown: Error) => thrown);
    expect(runErrorOn({ device: 'webgpu', source: 'a model', error })).toMatchObject({
      code: 'DEVICE_FAILED',
      message: expect.stringMatching(/^The device webgpu cannot run a model \(.*\): use the device cpu/),
    });
    expect(await run(await openSessionOn('webgpu', outerSum(2)), 2)).toEqual([0, 1, 1, 2]);
  });

  test('nodes that the provider does not take run on the CPU, and the profile says so', async () => {
    const model = makeModel({
      nodes: [
        { op: 'Mul', inputs: ['x0', 'x0'], outputs: ['square'] },
        { op: 'Det', inputs: ['square'], outputs: ['y'] },
      ],
      inputs: { x0: { type: 'float32', dims: [2, 2] } },
    });
    const { result, nodes } = await profile(async () => {
      const session = await openSessionOn('webgpu', model);
      return session.run({ x0: new ort.Tensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]) });
    });
    expect((result.y.data as Float32Array)[0]).toBeCloseTo(1 * 16 - 4 * 9, 4);
    expect(nodes).toEqual([
      { op: 'Mul', provider: 'WebGpuExecutionProvider', half: false },
      { op: 'MemcpyToHost', provider: 'WebGpuExecutionProvider', half: false },
      { op: 'Det', provider: 'CPUExecutionProvider', half: false },
    ]);
  });
});

test('what a run complains about is the fault of the model, unless it is about the device', () => {
  const error = (device: 'cpu' | 'webgpu', message: string) =>
    runErrorOn({ device, source: 'unet.onnx', error: new Error(message) });
  expect(error('webgpu', 'Got invalid dimensions for input: sample')).toMatchObject({ code: 'MODEL_INVALID' });
  expect(error('cpu', 'out of memory')).toMatchObject({ code: 'MODEL_INVALID' });
  expect(error('webgpu', 'WebGPU device lost (1): reset.\n - more')).toMatchObject({
    code: 'DEVICE_FAILED',
    message: expect.stringContaining('cannot run unet.onnx (WebGPU device lost (1): reset)'),
  });
});
