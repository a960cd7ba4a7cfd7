// `models check` on the CPU, and a device that is not there.
import { checkpointDir } from '../diffusion/fixture.ts';
import { runCli, standin } from './run-cli.ts';

test('every part of a CLIP runs on the CPU, and its nodes are counted', async () => {
  const { code, stdout, stderr } = await runCli(['models', 'check', standin]);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: 'checking the text\nchecking the vision\nchecking the gradient\n',
  });
  const [title, , header, ...rows] = stdout.split('\n');
  expect(title).toBe(`${standin}: a CLIP in ${standin}`);
  expect(header.split(/ +/)).toEqual(['part', 'nodes', 'ms']);
  expect(rows.slice(0, 3).map((row) => row.replace(/\d/g, '#').split(/ +/)[0])).toEqual(['text', 'vision', 'gradient']);
  expect(stdout).toMatch(/^text on cpu: .*MatMul \d+/m);
  expect(stdout).not.toContain('difference');
});

test('parts that a checkpoint lacks are passed over', async () => {
  const { code, stdout } = await runCli(['models', 'check', checkpointDir('lcm'), '--json', '--quiet']);
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ kind: 'checkpoint', device: 'cpu' });
  expect(report.parts.map(({ part }: { part: string }) => part)).toEqual([
    'text encoder',
    'unet',
    'vae decoder',
    'vae encoder',
  ]);
  expect(report.parts[1]).toMatchObject({ cpuMs: expect.any(Number), nodes: { onDevice: {}, copies: 0 } });
  expect(report.parts[3].skipped).toContain('vae_encoder');
});

test('a part that does not run is named, and the others are still checked', async () => {
  const { code, stdout, stderr } = await runCli(['models', 'check', standin, '--dtype', 'q8']);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain('text_model_quantized.onnx');
});

// Elsewhere than on Linux the graphics card's own driver is there whatever the environment says.
(process.platform === 'linux' ? test : test.skip)('a machine without a driver says what WebGPU needs', async () => {
  const env = { VK_DRIVER_FILES: '/no/such/driver.json' };
  const { code, stdout, stderr } = await runCli(['encode', 'a fox', '--clip', standin, '--device', 'webgpu'], { env });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(
    'error: The device webgpu is not available here (Failed to get a WebGPU adapter: No supported adapters): it needs a graphics card that its driver offers to Dawn (Vulkan, Metal or Direct3D 12). This onnxruntime has cpu, webgpu',
  );
});
