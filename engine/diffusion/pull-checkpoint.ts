// Hub id of a checkpoint → its folder in the cache, as an ONNX export or in safetensors: only the files that are used are downloaded.
import { InputError } from '../errors.ts';
import { cacheFolder, findInHubCache, INDEX_FILE, isOffline } from '../hub/cache.ts';
import { safetensorsFile, tokenizerFiles } from '../hub/clip-sources.ts';
import { type NeededFile, pathsOf, presentPath, weightsFile } from '../hub/needed-files.ts';
import { type HubOptions, pullFolder } from '../hub/pull-folder.ts';
import { whichRemote } from '../hub/remote-file.ts';
import { checkDtype, type Dtype, variantFile } from '../hub/variant.ts';
import type { HubId } from '../hub-id.ts';
import { encodersOf, type ModelIndex, readIndex, SCHEDULER } from './model-index.ts';

interface CheckpointSource {
  /** Path of a part's weights, without `.onnx` or `.safetensors`. */
  readonly weights: (part: string, dtype: Dtype | undefined) => NeededFile;
  /** The parts beside the text encoders: weights and configuration. */
  readonly parts: (dtype: Dtype | undefined) => readonly NeededFile[];
  /** Text encoders need their config.json. */
  readonly hasConfigs: boolean;
}

const required = (path: string): NeededFile => ({ path });
const optional = (path: string): NeededFile => ({ path, optional: true });

const onnxWeights = (part: string, dtype: Dtype | undefined) =>
  weightsFile((d) => variantFile(`${part}/model`, d), dtype);

const onnx: CheckpointSource = {
  weights: onnxWeights,
  parts: (dtype) => [
    onnxWeights('unet', dtype),
    onnxWeights('vae_decoder', dtype),
    { ...onnxWeights('vae_encoder', dtype), optional: true },
    optional('vae_decoder/config.json'),
    optional('vae/config.json'),
  ],
  hasConfigs: false,
};

/** diffusers' own names. */
const safetensorsWeights = (part: string, dtype: Dtype | undefined) =>
  safetensorsFile(part.startsWith('text_encoder') ? `${part}/model` : `${part}/diffusion_pytorch_model`, dtype);

const safetensors: CheckpointSource = {
  weights: safetensorsWeights,
  parts: (dtype) => [
    required('unet/config.json'),
    safetensorsWeights('unet', dtype),
    required('vae/config.json'),
    safetensorsWeights('vae', dtype),
  ],
  hasConfigs: true,
};

/**
 * In the order in which they are taken where the hub has both. ONNX comes first: its graphs were exported and checked by whoever offers
 * them. Safetensors first would do as well.
 */
const sources: readonly CheckpointSource[] = [onnx, safetensors];

const PICKLES = ['unet/diffusion_pytorch_model.bin', 'unet/diffusion_pytorch_model.fp16.bin'];

/** Folder of a hub checkpoint; missing files are downloaded. Throws what `pullFolder` throws, and MODEL_UNSUPPORTED. */
export async function pullCheckpoint(id: HubId, options: HubOptions = {}): Promise<string> {
  const dir = await pullFolder(id, [{ path: INDEX_FILE }], { ...options, onPlan: undefined });
  const dtype = checkDtype(options.dtype);
  const index = readIndex(dir);
  const source = findHere(id, options) ?? (await findOnHub(id, options));
  return pullFolder(id, filesOf(source, index, dtype), options);
}

const signsOf = ({ weights }: CheckpointSource): readonly string[] => pathsOf(weights('unet', undefined));

/** The form in which the U-Net is on this machine. Offline, where it is not, the first: the message then says what is needed. */
function findHere(id: HubId, options: HubOptions): CheckpointSource | undefined {
  const shared = options.cacheDir === undefined ? findInHubCache(id) : undefined;
  const dirs = [cacheFolder(id, options.cacheDir), ...(shared ? [shared] : [])];
  const here = sources.find(({ weights }) => dirs.some((dir) => presentPath(dir, weights('unet', undefined))));
  return here ?? ((options.offline ?? isOffline()) ? sources[0] : undefined);
}

async function findOnHub(id: HubId, options: HubOptions): Promise<CheckpointSource> {
  for (const source of sources) {
    const found = await whichRemote(id, signsOf(source), options);
    if (found.length) return source;
  }
  const pickles = await whichRemote(id, PICKLES, options);
  if (pickles.length)
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${id.repo} has its U-Net in ${pickles[0]} only, a pickle, which can run code when it is read, so it is refused. Make a folder of it in Python: "DiffusionPipeline.from_pretrained('${id.repo}').save_pretrained('my-checkpoint', safe_serialization=True)".`,
    );
  throw new InputError(
    'MODEL_NOT_FOUND',
    `${id.repo} has neither ${signsOf(onnx)[0]} nor ${signsOf(safetensors)[0]}: only checkpoints in diffusers' layout can be used, as ONNX exports or as .safetensors.`,
  );
}

function filesOf(source: CheckpointSource, index: ModelIndex, dtype: Dtype | undefined): NeededFile[] {
  return [
    required(INDEX_FILE),
    required(SCHEDULER),
    ...encodersOf(index).flatMap((suffix) => [
      ...tokenizerFiles(`tokenizer${suffix}/`),
      ...(source.hasConfigs ? [required(`text_encoder${suffix}/config.json`)] : []),
      source.weights(`text_encoder${suffix}`, dtype),
    ]),
    ...source.parts(dtype),
  ];
}
