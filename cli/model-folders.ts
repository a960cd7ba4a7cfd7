// `--models-dir` and `--comfyui`: where else models lie, and a name → the model of that name in these folders.
import type { Command } from 'commander';
import type { ModelKind, OfferedModels } from '../nodes/node-context.ts';
import type { ModelPlacesOptions } from '../server/files/model-folders.ts';
import { collect } from './options.ts';

export interface FolderOptions {
  readonly modelsDir?: readonly string[];
  readonly comfyui?: string;
}

/** Adds both options. */
export const addFolderOptions = (command: Command): Command =>
  command
    .option(
      '--models-dir <folder>',
      'folder with checkpoints, loras, vae, clip_vision, clip, unet, … as in ComfyUI; repeatable',
      collect,
    )
    .option('--comfyui <folder>', 'a ComfyUI, whose models and extra_model_paths.yaml are used, too');

export const toPlaces = ({ modelsDir, comfyui }: FolderOptions): ModelPlacesOptions => ({
  modelsDirs: modelsDir,
  comfyui,
});

/** The models in these folders; undefined if there are no such options. Throws OPTION_INVALID. */
export async function modelsInFolders(options: FolderOptions): Promise<OfferedModels | undefined> {
  if (options.modelsDir === undefined && options.comfyui === undefined) return undefined;
  const [{ findModelPlaces }, { createOfferedModels }] = await Promise.all([
    import('../server/files/model-folders.ts'),
    import('../server/files/offered-models.ts'),
  ]);
  return createOfferedModels({ places: findModelPlaces(toPlaces(options)), first: {}, bundled: {} });
}

/** The path of a model in these folders, or the name itself: a bundled model, a path, a hub id. */
export async function locateModel(kind: ModelKind, name: string, options: FolderOptions): Promise<string> {
  return (await modelsInFolders(options))?.locate(kind, name) ?? name;
}
