// `--device` → onnxruntime's execution provider: checks its name, makes sessions on it, and says what went wrong there.
import { listSupportedBackends } from 'onnxruntime-node';
import { oneOf } from '../check.ts';
import { InputError } from '../errors.ts';
import type { Model } from './graph.ts';
import { openProfiled } from './profiling.ts';
import { createSession, firstLine, openSession, runError, type Session, type SessionOptions } from './session.ts';

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
 * Compiles a model, or the one in a file, for a device. Nodes that its provider does not take run on the CPU, which `profile` tells.
 * Throws OPTION_INVALID if the device is not available, DEVICE_FAILED if it is but cannot take the model (its memory), MODEL_INVALID if
 * the model itself is refused.
 */
export async function openSessionOn(
  device: Device,
  model: string | Model,
  options: SessionOptions = {},
): Promise<Session> {
  try {
    return await openProfiled({ ...options, executionProviders: [PROVIDERS[device]] }, (all) => compile(model, all));
  } catch (error) {
    // A damaged model fails on the CPU, too; if the CPU accepts it, the device is at fault.
    if (device === 'cpu' || !(await opens('cpu', model, options))) throw error;
    const found = await opens(device, ONE_NODE);
    throw found ? deviceFailed(device, sourceOf(model), error) : unavailable(device, wordsOf(error), error);
  }
}

const compile = (model: string | Model, options: SessionOptions): Promise<Session> =>
  typeof model === 'string' ? openSession(model, options) : createSession(model, options);

const sourceOf = (model: string | Model): string => (typeof model === 'string' ? model : model.source);

/** What any device takes: it tells a device that is not there from one that lacks memory. */
const ONE_NODE: Model = {
  source: 'a graph of one node',
  irVersion: 9,
  opsets: new Map([['', 17]]),
  inputs: [{ name: 'x', type: 'float32', dims: [1] }],
  outputs: [{ name: 'y' }],
  constants: new Map(),
  nodes: [{ op: 'Neg', domain: '', name: 'y', inputs: ['x'], outputs: ['y'], attributes: new Map() }],
  functions: [],
};

async function opens(device: Device, model: string | Model, options: SessionOptions = {}): Promise<boolean> {
  try {
    await (await compile(model, { ...options, executionProviders: [PROVIDERS[device]] })).release();
    return true;
  } catch {
    return false;
  }
}

/** What onnxruntime, Dawn and the drivers say if a device fails rather than the model. */
const DEVICE_FAILURE =
  /not support|(is|are) supported|WebGPU|device (is|was)? ?lost|out of memory|OUT_OF_(DEVICE|HOST)_MEMORY|failed to allocate|\bbuffers?\b|(CUDA|CUDNN|CUBLAS) (error|failure)|DXGI_ERROR/i;

export interface FailedRun {
  readonly device: Device;
  /** The model's file or name. */
  readonly source: string;
  readonly error: unknown;
  /** Added to the message if the model is at fault. */
  readonly hint?: string;
}

/** The error for a run that failed: DEVICE_FAILED if the device is at fault (memory, a lost device), otherwise MODEL_INVALID. */
export function runErrorOn({ device, source, error, hint }: FailedRun): InputError {
  if (device === 'cpu' || !DEVICE_FAILURE.test(wordsOf(error))) return runError(source, error, hint);
  return deviceFailed(device, source, error);
}

const deviceFailed = (device: Device, source: string, error: unknown): InputError =>
  new InputError(
    'DEVICE_FAILED',
    `The device ${device} cannot run ${source} (${wordsOf(error)}): use the device cpu or, if memory is short, a smaller picture or batch; if the device was lost, start again.`,
    { cause: error },
  );

const unavailable = (device: Device, why: string, cause?: unknown): InputError =>
  new InputError(
    'OPTION_INVALID',
    `The device ${device} is not available here (${why}): it needs ${NEEDS[device]}. This onnxruntime has ${availableDevices().join(', ')}; cpu always works.`,
    { cause },
  );

/** onnxruntime's words without places in its source files and without the full stop: they are nothing to a user. */
const wordsOf = (error: unknown): string => {
  const { cause } = error as Error;
  return firstLine(cause instanceof Error ? cause : error)
    .replace(/\/onnxruntime_src\S*:\d+ .* was false\. /, '')
    .replace(/Status Message: \S+\.cc:\d+ \w+ /, 'Status Message: ')
    .replace(/\.\s*$/, '');
};
