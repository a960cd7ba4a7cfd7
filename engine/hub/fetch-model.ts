// Hub id of a CLIP → a complete model folder in the cache, in whichever form the hub offers it.
import { join } from 'node:path';
import { InputError } from '../errors.ts';
import type { HubId } from '../hub-id.ts';
import { cacheFolder, findInHubCache, isOffline } from './cache.ts';
import { type ClipSource, clipSources, PICKLES, signsOf } from './clip-sources.ts';
import { presentPath } from './needed-files.ts';
import { type HubOptions, pullFolder } from './pull-folder.ts';
import { readJson } from './read-json.ts';
import { whichRemote } from './remote-file.ts';
import { checkDtype } from './variant.ts';

/**
 * Returns the folder of a hub model: from the cache, from the hub's own cache on this machine, or downloaded.
 * Throws MODEL_NOT_FOUND, MODEL_UNSUPPORTED, MODEL_INVALID (damaged, and offline) or DOWNLOAD_FAILED.
 */
export async function pullModel(id: HubId, options: HubOptions = {}): Promise<string> {
  const dtype = checkDtype(options.dtype);
  const source = findHere(id, options) ?? (await findOnHub(id, options));
  if (source.modelType) await checkType(id, source.modelType, options);
  return pullFolder(id, source.files(dtype), options);
}

/** The form in which the model is on this machine. Offline, where it is not, the first: the message then says what it needs. */
function findHere(id: HubId, options: HubOptions): ClipSource | undefined {
  const shared = options.cacheDir === undefined ? findInHubCache(id) : undefined;
  const dirs = [cacheFolder(id, options.cacheDir), ...(shared ? [shared] : [])];
  const here = clipSources.find(({ weights }) => dirs.some((dir) => presentPath(dir, weights(undefined))));
  return here ?? ((options.offline ?? isOffline()) ? clipSources[0] : undefined);
}

async function findOnHub(id: HubId, options: HubOptions): Promise<ClipSource> {
  for (const source of clipSources) {
    const found = await whichRemote(id, signsOf(source), options);
    if (found.length) return source;
  }
  const pickles = await whichRemote(id, PICKLES, options);
  throw pickles.length ? onlyPickles(id, pickles[0]) : nothingKnown(id);
}

/** Before some gigabytes of something else are downloaded: `model.safetensors` is what every kind of model calls its weights. */
async function checkType(id: HubId, expected: RegExp, options: HubOptions): Promise<void> {
  const dir = await pullFolder(id, [{ path: 'config.json' }], { ...options, onPlan: undefined });
  const { model_type } = readJson<{ model_type?: unknown }>(join(dir, 'config.json'));
  if (typeof model_type === 'string' && !expected.test(model_type))
    throw new InputError(
      'MODEL_UNSUPPORTED',
      `${id.repo} is a model of the type "${model_type}", not a CLIP; a CLIP is needed, such as openai/clip-vit-large-patch14.`,
    );
}

const onlyPickles = ({ repo }: HubId, path: string): InputError =>
  new InputError(
    'MODEL_UNSUPPORTED',
    `${repo} has its weights in ${path} only, a pickle, which can run code when it is read, so it is refused. Use a model that has .safetensors or ONNX files (for CLIP ViT-B/32: Xenova/clip-vit-base-patch32), or make a folder of it in Python: "CLIPModel.from_pretrained('${repo}').save_pretrained('my-clip')", and the same with CLIPProcessor.`,
  );

const nothingKnown = ({ repo }: HubId): InputError =>
  new InputError(
    'MODEL_UNSUPPORTED',
    `${repo} has none of ${clipSources.map((source) => signsOf(source)[0]).join(', ')}: only CLIPs can be used, as ONNX exports with separate text and vision towers (such as Xenova/clip-vit-base-patch32) or as .safetensors.`,
  );
