// The commands on WebGPU: `models check` compares with the CPU, and what others print is what they print on the CPU.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWebgpu, SLOW_MS, webgpuEnv } from '../helpers/webgpu.ts';
import { picture, runCli, standin } from './run-cli.ts';
import { writeSimilarityGraph } from './similarity-graph.ts';

const folder = mkdtempSync(join(tmpdir(), 'pez-webgpu-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

describeWebgpu('commands on WebGPU', () => {
  test(
    'models check finds that all parts of a CLIP agree with the CPU',
    async () => {
      const args = ['models', 'check', standin, '--device', 'webgpu', '--quiet'];
      const [table, json] = [
        await runCli(args, { env: webgpuEnv }),
        await runCli([...args, '--json'], { env: webgpuEnv }),
      ];
      expect({ code: table.code, stderr: table.stderr }).toEqual({ code: 0, stderr: '' });
      expect(table.stdout).toMatch(/^part +on webgpu +on cpu +copies +ms webgpu +ms cpu +difference +of +agrees$/m);
      expect(table.stdout).toMatch(/^text +\d+ +\d+ +\d+ +\S+ +\S+ +\S+ +\S+ +yes$/m);
      const { parts } = JSON.parse(json.stdout);
      expect(parts).toHaveLength(3);
      for (const { agreement, nodes } of parts) {
        expect(agreement).toMatchObject({ agrees: true });
        expect(agreement.difference).toBeLessThan(1e-4);
        expect(nodes.onDevice.MatMul).toBeGreaterThan(0);
      }
      expect(parts[2].nodes).toMatchObject({ onCpu: {}, copies: 0 }); // the gradient runs on the device alone
    },
    SLOW_MS,
  );

  test('encode prints the embedding that it prints on the CPU', async () => {
    const numbers = async (device: string) => {
      const args = ['encode', picture, '--clip', standin, '--device', device, '--json'];
      const { stdout } = await runCli(args, { env: webgpuEnv });
      return JSON.parse(stdout).embeddings[0].embedding as number[];
    };
    const [cpu, gpu] = [await numbers('cpu'), await numbers('webgpu')];
    expect(gpu).not.toEqual(cpu); // other kernels round differently
    expect(Math.max(...cpu.map((value, i) => Math.abs(value - gpu[i])))).toBeLessThan(1e-4);
  });

  test('a graph in the worker of the server says what it says on the CPU', async () => {
    const graph = writeSimilarityGraph(folder);
    const table = async (device: string) => {
      const args = ['run', graph, '--clip', standin, '--device', device, '--quiet'];
      return (await runCli(args, { env: webgpuEnv, cwd: folder })).stdout;
    };
    const [cpu, gpu] = [await table('cpu'), await table('webgpu')];
    expect(cpu).toMatch(/a clock/);
    const numbers = (text: string) => [...text.matchAll(/-?\d\.\d{4}/g)].map(Number);
    expect(numbers(gpu)).toHaveLength(2);
    numbers(gpu).forEach((value, i) => {
      expect(value).toBeCloseTo(numbers(cpu)[i], 3);
    });
  });
});
