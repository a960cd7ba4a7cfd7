// What packs bring along: web files, help, example graphs, subgraphs, translations (protocol: Packs and templates).
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Router } from 'express';
import { isRecord } from '../../../schemas/record.ts';
import { listFiles } from '../../files/list-files.ts';
import type { Pack } from '../../packs/packs.ts';
import { HttpError } from '../http-error.ts';
import { paramOf, sendJson } from '../responses.ts';
import { createRouter } from '../router.ts';
import { sendStatic } from '../static-files.ts';
import { mergeJson } from './merge-json.ts';

interface PackDeps {
  readonly packs: readonly Pack[];
  readonly frontEndRoot?: string;
}

const notFound = (): HttpError => new HttpError(404, '404: Not Found');
const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
const isOwn = (pack: Pack): boolean => pack.module === 'nodes';

/** Names of the *.json files in a folder, without the extension. */
const jsonNames = async (folder: string): Promise<string[]> =>
  (await listFiles(folder)).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));

/** Lists that clients fetch, doubled below /api. */
export function packRoutes({ packs, frontEndRoot }: PackDeps): Router {
  const others = packs.filter((pack) => !isOwn(pack));
  return createRouter({
    'GET /extensions': async (_req, res) => {
      const core = frontEndRoot ? await scriptsOf(join(frontEndRoot, 'extensions'), '/extensions') : [];
      const own = await Promise.all(
        packs.map(({ name, webDir }) => (webDir ? scriptsOf(webDir, `/extensions/${encodeURIComponent(name)}`) : [])),
      );
      sendJson(res, [...core, ...own.flat()]);
    },
    'GET /workflow_templates': async (_req, res) => {
      const entries = packs.map(async ({ name, templateDirs = [] }) => {
        const names = await Promise.all(templateDirs.map(jsonNames));
        return [name, [...new Set(names.flat())]] as const;
      });
      sendJson(res, Object.fromEntries((await Promise.all(entries)).filter(([, names]) => names.length > 0)));
    },
    'GET /workflow_templates/:pack/:file': async (req, res) => {
      const name = paramOf(req, 'file');
      const folders = packs.find((pack) => pack.name === paramOf(req, 'pack'))?.templateDirs ?? [];
      const folder = folders.find((dir) => existsSync(join(dir, name))) ?? folders[0];
      if (!folder || !/\.(?:json|jpe?g|png|webp)$/i.test(name)) throw notFound();
      await sendStatic({ req, res }, { folder, name });
    },
    'GET /global_subgraphs': async (_req, res) => {
      const found = await subgraphsOf(others);
      sendJson(res, Object.fromEntries(found.map(({ id, path: _, ...entry }) => [id, entry])));
    },
    'GET /global_subgraphs/:id': async (req, res) => {
      const found = (await subgraphsOf(others)).find(({ id }) => id === paramOf(req, 'id'));
      if (!found) return sendJson(res, null);
      const { id: _, path, ...entry } = found;
      sendJson(res, { ...entry, data: await readFile(path, 'utf8') });
    },
    'GET /node_replacements': (_req, res) => sendJson(res, {}),
    'GET /i18n': async (_req, res) => sendJson(res, await translationsOf(packs)),
  });
}

/** Static files, without a twin below /api. */
export function packFileRoutes({ packs, frontEndRoot }: PackDeps): Router {
  return createRouter({
    'GET /extensions/:pack/*path': async (req, res, next) => {
      const pack = packs.find(({ name }) => name === paramOf(req, 'pack'));
      if (!pack) return frontEndRoot ? next() : next(notFound());
      const path = paramOf(req, 'path');
      const inWeb = pack.webDir && existsSync(join(pack.webDir, path));
      // Front ends look for help below the web files; manifest.json may keep it elsewhere.
      const help = path.startsWith('docs/') && path.endsWith('.md') && !isOwn(pack) ? pack.docsDir : undefined;
      if (!inWeb && help) return sendStatic({ req, res }, { folder: help, name: path.slice('docs/'.length) });
      if (!pack.webDir) throw notFound();
      await sendStatic({ req, res }, { folder: pack.webDir, name: path });
    },
  });
}

const scriptsOf = async (folder: string, url: string): Promise<string[]> =>
  (await listFiles(folder, { recurse: true }))
    .filter((name) => name.endsWith('.js'))
    .map((name) => `${url}/${encodePath(name)}`);

interface Subgraph {
  readonly id: string;
  readonly path: string;
  readonly source: 'custom_node';
  readonly name: string;
  readonly info: { readonly node_pack: string };
}

async function subgraphsOf(packs: readonly Pack[]): Promise<Subgraph[]> {
  const found: Subgraph[] = [];
  for (const { name: pack, module, subgraphsDir } of packs) {
    if (!subgraphsDir) continue;
    for (const name of await jsonNames(subgraphsDir)) {
      const path = join(subgraphsDir, `${name}.json`);
      const id = createHash('sha256').update(`custom_node${path}`).digest('hex');
      found.push({ id, path, source: 'custom_node', name: basename(name), info: { node_pack: module || pack } });
    }
  }
  return found;
}

/** Language → its texts; later packs add to those of earlier ones, at all levels. */
async function translationsOf(packs: readonly Pack[]): Promise<object> {
  const all = new Map<string, unknown>();
  for (const { localesDir } of packs) {
    if (!localesDir) continue;
    const languages = (await readdir(localesDir, { withFileTypes: true })).filter((entry) => entry.isDirectory());
    for (const { name: language } of languages) {
      all.set(language, mergeJson(all.get(language) ?? {}, await textsIn(join(localesDir, language))));
    }
  }
  return Object.fromEntries(all);
}

/** The keys of main.json, and the other files each under its own key, as far as they are there. */
async function textsIn(folder: string): Promise<unknown> {
  const parts = ['nodeDefs', 'commands', 'settings'].map(async (part) => [
    part,
    await readObject(join(folder, `${part}.json`)),
  ]);
  const found = (await Promise.all(parts)).filter(([, values]) => Object.keys(values).length > 0);
  return mergeJson(await readObject(join(folder, 'main.json')), Object.fromEntries(found));
}

/** The object in a JSON file; `{}` if it is missing or damaged: a mistake of one pack must not cost the others their texts. */
async function readObject(path: string): Promise<object> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
