// What is known of how a CLIP wants its pictures → the content of a preprocessor_config.json.

/** `preprocess_cfg` of open_clip_config.json. */
export interface OpenClipPreprocess {
  readonly size?: number | readonly number[];
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly interpolation?: string;
  readonly resize_mode?: string;
}

/** OpenAI's, which OpenCLIP's models share unless their configuration says otherwise. */
const MEAN = [0.48145466, 0.4578275, 0.40821073];
const STD = [0.26862954, 0.26130258, 0.27577711];
/** Pillow's number of each filter. */
const FILTERS: Readonly<Record<string, number>> = { nearest: 0, bilinear: 2, bicubic: 3 };

/** `size`: height and width of the tower's pictures. The shorter side is resized to it, and the middle is cut out; "squash" resizes both sides. */
export function clipPreprocess(size: number, { mean, std, interpolation, resize_mode }: OpenClipPreprocess = {}) {
  const square = { height: size, width: size };
  const squash = resize_mode === 'squash';
  return {
    image_processor_type: 'CLIPImageProcessor',
    do_convert_rgb: true,
    do_resize: true,
    size: squash ? square : { shortest_edge: size },
    resample: FILTERS[interpolation ?? 'bicubic'] ?? FILTERS.bicubic,
    do_center_crop: !squash,
    crop_size: square,
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean ?? MEAN,
    image_std: std ?? STD,
  };
}
