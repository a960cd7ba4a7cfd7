// AdamW: a point, its gradient and two running moments → the point one step on.

export interface AdamWSettings {
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** β₁, β₂ and ε: PyTorch's defaults, which the official code keeps. */
const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

export interface AdamWState {
  /** Number of updates so far. */
  steps: number;
  /** Running means of g and g², each as long as the point. */
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

/** A fresh state for a point of `size` numbers. */
export const createAdamW = (size: number): AdamWState => ({
  steps: 0,
  mean: new Float32Array(size),
  square: new Float32Array(size),
});

/**
 * One update in place, in the order of torch.optim.AdamW: p ← p·(1 − lr·wd), then
 * p ← p − lr·m̂ / (√v̂ + ε) with m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ). The state is float32, as there.
 * `gradient` is that of the loss and as long as the point.
 */
export function updateAdamW(
  point: Float32Array,
  gradient: Float32Array,
  state: AdamWState,
  { learningRate, weightDecay }: AdamWSettings,
): void {
  const t = ++state.steps;
  const { mean, square } = state;
  const rate = learningRate / (1 - BETA1 ** t);
  const root = Math.sqrt(1 - BETA2 ** t);
  const keep = 1 - learningRate * weightDecay;
  for (let i = 0; i < point.length; i++) {
    const g = gradient[i];
    mean[i] += (1 - BETA1) * (g - mean[i]);
    square[i] = BETA2 * square[i] + (1 - BETA2) * g * g;
    point[i] = point[i] * keep - (rate * mean[i]) / (Math.sqrt(square[i]) / root + EPSILON);
  }
}
