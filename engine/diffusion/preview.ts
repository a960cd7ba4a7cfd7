// Latent → a small picture without the VAE: each element's colour as a linear function of its channels, fitted once to the VAE itself.
import type { ImageBatch } from '../image/batch.ts';
import type { Latent } from './latent.ts';
import { createNoise } from './noise.ts';
import type { Vae } from './vae.ts';

/** [B, C, h, w] → [B, h, w, 3] in [0, 1]: one pixel for each element of the latent. Costs nothing beside a step. */
export type Previewer = (latent: Latent) => ImageBatch;

/** Side of the latents that the fit decodes, unless the export fixes it. */
const PROBE_SIDE = 16;
/** Side of the blocks of one colour in them: the colour of a single element is blurred by its neighbours. */
const BLOCK = 4;
const PROBES = 4;
/** Keeps the fit stable for channels that hardly matter; a share of the channels' variance. */
const RIDGE = 1e-3;

/**
 * Fits colour = W · channels + b by least squares to what the decoder makes of patches of random latents. It decodes four pictures of 128 px once
 * per checkpoint; keep the function. The same checkpoint always gives the same fit.
 */
export async function makePreviewer(vae: Vae, signal?: AbortSignal): Promise<Previewer> {
  const { channels } = vae.config;
  const session = await vae.decoder.session();
  const fixed = (session.inputMetadata[0] as unknown as { shape: (number | string)[] }).shape[2];
  const side = typeof fixed === 'number' ? fixed : PROBE_SIDE;
  const fit = new LeastSquares(channels + 1);
  for (let probe = 0; probe < PROBES; probe++) {
    const latent = probeLatent(vae, side, probe);
    const { data } = await vae.decode(latent, signal);
    for (let i = 0; i < side * side; i++)
      fit.add([...channelsAt(latent, i), 1], meanColour(data, i, side, vae.config.scale));
  }
  const [red, green, blue] = fit.solve();
  return (latent) => paint(latent, [red, green, blue]);
}

/** Blocks of random channels, of the size that the model's latents have (variance 1 before unscaling). */
function probeLatent({ config }: Vae, side: number, probe: number): Latent {
  const { channels, scalingFactor, shiftFactor } = config;
  const blocks = Math.ceil(side / BLOCK);
  const noise = createNoise(probe, channels * blocks * blocks)();
  const data = new Float32Array(channels * side * side);
  for (let c = 0, at = 0; c < channels; c++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++, at++) {
        const block = (c * blocks + Math.floor(y / BLOCK)) * blocks + Math.floor(x / BLOCK);
        data[at] = noise[block] / scalingFactor + shiftFactor;
      }
  return { shape: [1, channels, side, side], data };
}

/** The channels of one element of the first item. */
function channelsAt({ shape, data }: Latent, element: number): number[] {
  const area = shape[2] * shape[3];
  return Array.from({ length: shape[1] }, (_, c) => data[c * area + element]);
}

/** Mean colour of the pixels that an element of the latent stands for. */
function meanColour(pixels: Float32Array, element: number, side: number, scale: number): number[] {
  const [top, left] = [Math.floor(element / side) * scale, (element % side) * scale];
  const sums = [0, 0, 0];
  for (let y = 0; y < scale; y++)
    for (let x = 0; x < scale; x++)
      for (let c = 0; c < 3; c++) sums[c] += pixels[3 * ((top + y) * side * scale + left + x) + c];
  return sums.map((sum) => sum / scale ** 2);
}

function paint({ shape, data }: Latent, weights: readonly number[][]): ImageBatch {
  const [batch, channels, h, w] = shape;
  const area = h * w;
  const picture = new Float32Array(batch * area * 3);
  for (let item = 0; item < batch; item++)
    for (let i = 0; i < area; i++)
      weights.forEach((row, colour) => {
        let value = row[channels];
        for (let c = 0; c < channels; c++) value += row[c] * data[(item * channels + c) * area + i];
        picture[3 * (item * area + i) + colour] = Math.min(Math.max(value, 0), 1);
      });
  return { shape: [batch, h, w, 3], data: picture };
}

/** Least squares by the normal equations: (XᵀX + ridge) w = Xᵀy, for three y at once. */
class LeastSquares {
  readonly size: number;
  readonly rows: number[][];

  constructor(size: number) {
    this.size = size;
    this.rows = Array.from({ length: size }, () => Array(size + 3).fill(0));
  }

  add(x: readonly number[], y: readonly number[]): void {
    for (let i = 0; i < this.size; i++) {
      for (let j = 0; j < this.size; j++) this.rows[i][j] += x[i] * x[j];
      for (let k = 0; k < 3; k++) this.rows[i][this.size + k] += x[i] * y[k];
    }
  }

  /** Gauss–Jordan; the ridge makes every pivot positive. → for each y its weights. */
  solve(): number[][] {
    const { size, rows } = this;
    for (let i = 0; i < size; i++) rows[i][i] *= 1 + RIDGE;
    for (let i = 0; i < size; i++) {
      const pivot = rows[i][i];
      rows[i] = rows[i].map((v) => v / pivot);
      for (let r = 0; r < size; r++) {
        const factor = rows[r][i];
        if (r !== i && factor !== 0) rows[r] = rows[r].map((v, c) => v - factor * rows[i][c]);
      }
    }
    return [0, 1, 2].map((k) => rows.map((row) => row[size + k]));
  }
}
