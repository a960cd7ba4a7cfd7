// What a checkpoint was made from → the CLIP whose text tower it reads: a prompt that PEZ finds in that space is one the checkpoint understands.
import type { DiffusionBase } from '../architectures/model-kind.ts';

export interface FittingClip {
  /** On the hub. */
  readonly id: string;
  readonly label: string;
  /** Parameters of both towers, counted on the architecture. */
  readonly parameters: number;
  /** Of the download: the hub's files are float32. A header and a tokenizer of a few hundred kB come on top. */
  readonly sizeBytes: number;
}

const clip = (id: string, label: string, parameters: number): FittingClip => ({
  id,
  label,
  parameters,
  sizeBytes: 4 * parameters,
});

const L = clip('openai/clip-vit-large-patch14', 'ViT-L/14', 427_616_513);
const H = clip('laion/CLIP-ViT-H-14-laion2B-s32B-b79K', 'ViT-H/14', 986_109_441);
const BIG_G = clip('laion/CLIP-ViT-bigG-14-laion2B-39B-b160k', 'ViT-bigG/14', 2_539_567_105);

const FITTING: Readonly<Record<DiffusionBase, readonly FittingClip[]>> = {
  sd1: [L],
  sd2: [H],
  sdxl: [L, BIG_G],
  sdxl_refiner: [BIG_G],
};

/** Of several, the one of the smallest download first. */
export const clipsThatFit = (base: DiffusionBase): readonly FittingClip[] => FITTING[base];

/** Width of a text tower → the CLIP that it comes from; undefined for other widths. */
export const clipOfWidth = (width: number): FittingClip | undefined => BY_WIDTH.get(width);

const BY_WIDTH: ReadonlyMap<number, FittingClip> = new Map([
  [768, L],
  [1024, H],
  [1280, BIG_G],
]);

/** "openai/clip-vit-large-patch14 (ViT-L/14, a download of 1.7 GB)", joined by "or"; of none, all that fit one checkpoint or another. */
export function fittingClipHint(fitting: readonly FittingClip[]): string {
  return (fitting.length > 0 ? fitting : [L, H, BIG_G])
    .map(({ id, label, sizeBytes }) => `${id} (${label}, a download of ${(sizeBytes / 1e9).toFixed(1)} GB)`)
    .join(' or ');
}
