// `--device` → onnxruntime's execution provider: checks its name and makes sessions on it, or refuses with a clear message.
import { listSupportedBackends } from 'onnxruntime-node';
import { oneOf } from '../check.ts';
import { InputError } from '../errors.ts';
import { openSession, type Session, type SessionOptions } from './session.ts';

/** Where a model runs: device → the provider's name in onnxruntime. */
const PROVIDERS = { cpu: 'cpu', webgpu: 'webgpu', cuda: 'cuda', coreml: 'coreml', dml: 'dml' } as const;

export type Device = keyof typeof PROVIDERS;

export const devices = Object.keys(PROVIDERS) as readonly Device[];

/** What each device needs, in a few words for the message. */
const NEEDS: Record<Device, string> = {
  cpu: 'nothing',
  webgpu: 'a graphics card that its driver offers to Dawn (Vulkan, Metal or Direct3D 12)',
  cuda: 'Linux with an NVIDIA card, CUDA 12 and the CUDA files of onnxruntime-node (see docs/diffusion.md)',
  coreml: 'macOS',
  dml: 'Windows with a Direct3D 12 card',
};

/** The providers that this build of onnxruntime carries; a graphics card may still be missing. */
export const availableDevices = (): Device[] => {
  const names = new Set(listSupportedBackends().map(({ name }) => name));
  return devices.filter((device) => names.has(PROVIDERS[device]));
};

/** Throws OPTION_INVALID for an unknown name, or if this build of onnxruntime lacks the provider. */
export function checkDevice(name: string): Device {
  oneOf('device', name, devices);
  const device = name as Device;
  if (!availableDevices().includes(device)) throw unavailable(device, 'this build of onnxruntime does not carry it');
  return device;
}

/**
 * Compiles the model in a file for a device. Throws OPTION_INVALID if the device is not available, MODEL_INVALID if the model itself is
 * refused.
 */
export async function openSessionOn(device: Device, path: string, options: SessionOptions = {}): Promise<Session> {
  try {
    return await openSession(path, { ...options, executionProviders: [PROVIDERS[device]] });
  } catch (error) {
    // A damaged model fails on the CPU, too; if the CPU accepts it, the device is at fault.
    if (device === 'cpu' || !(await runsOnCpu(path, options))) throw error;
    throw unavailable(device, firstLine(error), error);
  }
}

async function runsOnCpu(path: string, options: SessionOptions): Promise<boolean> {
  try {
    await (await openSession(path, { ...options, executionProviders: ['cpu'] })).release();
    return true;
  } catch {
    return false;
  }
}

const unavailable = (device: Device, why: string, cause?: unknown): InputError =>
  new InputError(
    'OPTION_INVALID',
    `The device ${device} is not available here (${why}): it needs ${NEEDS[device]}. This onnxruntime has ${availableDevices().join(', ')}; cpu always works.`,
    { cause },
  );

const firstLine = (error: unknown): string => {
  const { cause, message } = error as Error;
  const line = (cause instanceof Error ? cause.message : message).split('\n')[0];
  return line.replace(/^\/onnxruntime_src\S*:\d+ .* was false\. /, ''); // its source files are nothing to a user
};
