// Path of an export that only CUDA can run → a sentence that names one that every device can.

/** What a path or hub id of such exports holds → a plain export of the same checkpoint; the first that fits. */
const ALTERNATIVES: readonly (readonly [RegExp, string])[] = [
  [/sdxl[-_]turbo/i, 'stabilityai/sdxl-turbo'],
  [/sd[-_]turbo/i, 'jdp8/sd-turbo-onnx'],
  [/(stable-diffusion-xl|sdxl)/i, 'stabilityai/stable-diffusion-xl-base-1.0'],
  [/lcm/i, 'SimianLuo/LCM_Dreamshaper_v7'],
  [/(v1-5|1\.5|sd15)/i, 'onnx-community/stable-diffusion-v1-5-ONNX'],
];

/** What to use instead. */
export function plainExportOf(path: string): string {
  const named = ALTERNATIVES.find(([pattern]) => pattern.test(path));
  return named
    ? `Use ${named[1]} instead.`
    : 'Use an export that was not optimised, such as jdp8/sd-turbo-onnx, or make one: "optimum-cli export onnx --model NAME my-export".';
}
