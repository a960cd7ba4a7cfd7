// A models folder → the models in it, as a server with that folder alone offers them.
import { createFileKinds, type ReadFileKind } from '../../server/files/file-kinds.ts';
import { createModelFiles } from '../../server/files/model-files.ts';
import { createOfferedModels, type ModelOptions } from '../../server/files/offered-models.ts';
import type { ModelPlaces } from '../../server/model-places.ts';

export const placesIn = (...roots: string[]): ModelPlaces => ({ roots, extra: [] });

export function modelsIn(
  root: string,
  { bundled = {}, readFileKind }: Partial<ModelOptions> & { readFileKind?: ReadFileKind } = {},
) {
  const places = placesIn(root);
  const offered = createOfferedModels({ places, first: {}, bundled });
  return { places, offered, models: createModelFiles(places, offered), kinds: createFileKinds(readFileKind) };
}
