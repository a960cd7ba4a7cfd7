// What tests of the WebGPU provider share: `describe` if there is a driver, otherwise a printed reason and skipped tests. Such a file starts
// with the comment `@jest-environment-options {"webgpu": true}`: native code does not see the environment variables of Jest's realm.
import { findWebgpuDriver } from './webgpu-driver.mjs';

const { env, reason } = findWebgpuDriver();

/** For processes that a test starts. */
export const webgpuEnv: Readonly<Record<string, string>> = env;

/** `describe`, or `describe.skip` where there is no driver. */
export const describeWebgpu: typeof describe.skip = reason === undefined ? describe : describe.skip;

if (reason !== undefined) process.stderr.write(`Tests of WebGPU are skipped: ${reason}.\n`);

/** For what takes half a minute on SwiftShader, on a busy machine. */
export const SLOW_MS = 300_000;

/** The largest |a − b|; infinity if one of them is not a number or they have different lengths. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference);
  }
  return largest;
}

/** Handles the error of a half-precision model on a driver without float16, such as SwiftShader's: it must say so. */
export function refusedWithoutHalf(error: unknown): undefined {
  expect(error).toMatchObject({ code: 'DEVICE_FAILED', message: expect.stringContaining('requires f16') });
}
