// Jest runs tests in a realm of their own, and onnxruntime-node recognises tensors' data by the host's
// typed-array constructors: hand those over, so that `new Float32Array()` in a test is one it accepts.
import { TestEnvironment } from 'jest-environment-node';
import { findWebgpuDriver } from './webgpu-driver.mjs';

const SHARED = [
  'ArrayBuffer',
  'Float32Array',
  'Float64Array',
  'Int8Array',
  'Int16Array',
  'Int32Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Uint16Array',
  'Uint32Array',
  'BigInt64Array',
  'BigUint64Array',
];

export default class HostArraysEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    for (const name of SHARED) this.global[name] = globalThis[name];
    if ('Float16Array' in globalThis) this.global.Float16Array = globalThis.Float16Array;
    // A test's process.env is a copy; native code reads the host's.
    if (config.projectConfig.testEnvironmentOptions.webgpu) Object.assign(process.env, findWebgpuDriver().env);
  }
}
