// Our preset graphs in the front end's gallery (/templates/…), help of our nodes (/docs/…), JSON Schemas (protocol: Packs and templates).
import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Router } from 'express';
import { jsonSchemas } from '../../../schemas/json-schema.ts';
import type { Pack } from '../../packs/packs.ts';
import { HttpError } from '../http-error.ts';
import { paramOf, sendJson } from '../responses.ts';
import { createRouter } from '../router.ts';
import { sendStatic } from '../static-files.ts';

const notFound = (): HttpError => new HttpError(404, '404: Not Found');

/** The gallery of one pack in the form of index.json. */
export function galleryOf({ name, manifest }: Pick<Pack, 'name' | 'manifest'>): object[] {
  const templates = (manifest?.templates ?? []).map((template) => ({
    name: template.name,
    title: template.title,
    description: template.description,
    mediaType: 'image',
    mediaSubtype: template.thumbnail ? extname(template.thumbnail).slice(1) : 'webp',
    openSource: true,
  }));
  if (templates.length === 0) return [];
  return [{ moduleName: 'default', title: name, type: 'image', isEssential: true, templates }];
}

export function templateRoutes({ packs }: { packs: readonly Pack[] }): Router {
  const own = packs.find(({ module }) => module === 'nodes');
  return createRouter({
    'GET /templates/:file': async (req, res) => {
      const file = paramOf(req, 'file');
      if (file === 'index_logo.json') return sendJson(res, {});
      if (/^index(?:\.[\w-]+)?\.json$/.test(file)) return sendJson(res, own ? galleryOf(own) : []);
      const [folder] = own?.templateDirs ?? [];
      if (!own || !folder) throw notFound();
      const thumbnail = /^(.+)-1\.\w+$/.exec(file);
      const entry = own.manifest?.templates.find(({ name }) => name === thumbnail?.[1]);
      if (entry?.thumbnail && extname(entry.thumbnail) === extname(file))
        return sendStatic({ req, res }, { folder: own.dir, name: entry.thumbnail });
      await sendStatic({ req, res }, { folder, name: file });
    },
    'GET /docs/:node/:file': async (req, res) => {
      const folder = own?.docsDir && join(own.docsDir, 'nodes');
      const [node, file] = [paramOf(req, 'node'), paramOf(req, 'file')];
      if (!folder || !file.endsWith('.md')) throw notFound();
      const translated = existsSync(join(folder, node, file));
      if (!translated && file !== 'en.md') throw notFound(); // the front end asks for English next
      await sendStatic({ req, res }, { folder, name: translated ? `${node}/${file}` : `${node}.md` });
    },
    'GET /schemas/:file': (req, res) => {
      const name = paramOf(req, 'file').replace(/\.json$/, '');
      if (!Object.hasOwn(jsonSchemas, name)) throw notFound();
      res.type('application/schema+json').send(JSON.stringify(jsonSchemas[name], null, 2));
    },
    'GET /schemas': (_req, res) => {
      const paths = Object.keys(jsonSchemas).map((name) => `/schemas/${name}.json`);
      sendJson(res, paths);
    },
  });
}
