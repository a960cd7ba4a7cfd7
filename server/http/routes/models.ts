// Models, those that loaders offer and those on the disk: /models, /embeddings, /view_metadata, /experiment/models (protocol: Models).
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Router } from 'express';
import type { PictureReader } from '../../../nodes/node-context.ts';
import type { FileKinds } from '../../files/file-kinds.ts';
import { MODEL_EXTENSIONS, type ModelFiles, safetensorsCover, safetensorsMetadata } from '../../files/model-files.ts';
import type { Pack } from '../../packs/packs.ts';
import { HttpError } from '../http-error.ts';
import { contentTypeOf, paramOf, queryOf, sendEmpty, sendJson, untilGone } from '../responses.ts';
import { createRouter } from '../router.ts';
import { entryOf } from './model-entry.ts';

/** Folders that the model browser does not offer. */
const NO_MODELS = ['configs', 'custom_nodes'];

interface ModelDeps {
  readonly models: ModelFiles;
  readonly kinds: FileKinds;
  readonly pictures: Pick<PictureReader, 'view'>;
  readonly packs: readonly Pack[];
}

export function modelRoutes({ models, kinds, pictures, packs }: ModelDeps): Router {
  /** Throws 404 for an unknown folder. */
  const namesOf = (folder: string): readonly string[] => {
    const names = models.names(folder);
    if (names === undefined) throw new HttpError(404);
    return names;
  };
  /** Path of a model file. Throws 404 if it is not listed, or is not a file any more. */
  const pathOf = async (folder: string, name: string): Promise<string> => {
    const path = models.find(folder, name);
    if (path === undefined || !(await isFile(path))) throw new HttpError(404);
    return path;
  };

  return createRouter({
    'GET /models': (_req, res) => sendJson(res, models.folders()),
    'GET /models/:folder': (req, res) => sendJson(res, namesOf(paramOf(req, 'folder'))),
    'GET /embeddings': (_req, res) => {
      const names = namesOf('embeddings');
      const stems = names.map((name) => name.slice(0, name.length - extname(name).length));
      sendJson(res, stems);
    },
    'GET /view_metadata/:folder': async (req, res) => {
      const filename = queryOf(req).get('filename');
      if (!filename?.endsWith('.safetensors')) return sendEmpty(res, 404);
      const metadata = await safetensorsMetadata(await pathOf(paramOf(req, 'folder'), filename));
      if (metadata) sendJson(res, metadata);
      else sendEmpty(res, 404);
    },
    'GET /experiment/models': (_req, res) => {
      const folders = models.folders().filter((folder) => !NO_MODELS.includes(folder));
      const shown = (name: string) => ({ name, folders: models.places(name), extensions: MODEL_EXTENSIONS });
      sendJson(res, folders.map(shown));
    },
    'GET /experiment/models/:folder': async (req, res) => {
      const entries = models.entries(paramOf(req, 'folder'));
      if (!entries) throw new HttpError(404);
      sendJson(res, await Promise.all(entries.map((entry) => entryOf(entry, { packs, kinds }))));
    },
    'GET /experiment/models/preview/:folder/:index/*filename': async (req, res) => {
      if (!/^\d+$/.test(paramOf(req, 'index'))) throw new HttpError(400);
      // A name leads to one model, whichever of the folder's places it lies in.
      if (Number(paramOf(req, 'index')) >= models.places(paramOf(req, 'folder')).length) throw new HttpError(404);
      const model = await pathOf(paramOf(req, 'folder'), paramOf(req, 'filename'));
      const beside = await pictureBeside(model);
      const inside = beside === undefined && model.endsWith('.safetensors') ? await safetensorsCover(model) : undefined;
      const source = beside === undefined ? inside && { base64: inside } : { path: beside };
      if (!source) throw new HttpError(404);
      const form = { kind: 'preview', format: 'webp', quality: 90 } as const;
      const name = basename(beside ?? model);
      const bytes = await pictures.view(source, { name, form, signal: untilGone(res) });
      res.type('image/webp').send(bytes);
    },
  });
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );

/** A picture beside a model: `<model>.preview.png` before `<model>.png`, of any picture type. */
async function pictureBeside(model: string): Promise<string | undefined> {
  const stem = basename(model, extname(model));
  const pictures = (await readdir(dirname(model), { withFileTypes: true })).filter(
    (entry) => entry.isFile() && contentTypeOf(entry.name).startsWith('image/'),
  );
  const find = (start: string) =>
    pictures.find(({ name }) => name.slice(0, name.length - extname(name).length) === start);
  const found = find(`${stem}.preview`) ?? find(stem);
  return found && join(dirname(model), found.name);
}
