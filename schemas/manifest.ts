// manifest.json describes a pack. The server loads packs by it, ours included.
import { z } from 'zod';

/** A path inside the pack, with forward slashes. The disk is checked as well, for symlinks that lead out. */
const packPath = z
  .string()
  .min(1)
  .max(500)
  .regex(
    /^(?![/\\]|[A-Za-z]:)(?!(?:.*\/)?\.\.(?:\/|$))[^\\\0]+$/,
    'must be a path inside the pack, with forward slashes',
  );

/** A preset graph: `<name>.json` in the pack's folder of templates. */
export const templateEntry = z
  .object({
    name: z.string().regex(/^[\w][\w .-]*$/, 'must be a file name without its extension'),
    title: z.string().min(1),
    description: z.string(),
    /** A picture beside the graph. */
    thumbnail: packPath.optional(),
  })
  .meta({ title: 'A template in manifest.json' });

/** A model that comes with the pack, with the sizes and hashes of its files. */
export const modelEntry = z.object({
  name: z.string().min(1),
  kind: z.string().min(1),
  path: packPath,
  files: z.record(
    z.string(),
    z.object({ sizeBytes: z.number().int().nonnegative(), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  ),
});

/** A module that exports nodes, optionally with the class name that it must export. */
const nodeEntry = z.union([packPath, z.object({ type: z.string().min(1), file: packPath })]);

export const manifest = z
  .looseObject({
    name: z.string().min(1).max(100),
    version: z.string().regex(/^\d+\.\d+\.\d+/, 'must be a version such as 1.0.0'),
    description: z.string().optional(),
    license: z.string().optional(),
    /** Modules that export nodes. */
    nodes: z.array(nodeEntry).max(1000).default([]),
    /** Folder whose *.js files a front end imports. */
    web: packPath.optional(),
    /** Folder of help pages, `<class name>.md`; `docs` by default. */
    docs: packPath.optional(),
    /** Titles and descriptions of the preset graphs; the graphs are in `templates/` (or `example_workflows/`). */
    templates: z.array(templateEntry).default([]),
    models: z.array(modelEntry).default([]),
  })
  .meta({ title: 'manifest.json of a pack' });

export type Manifest = z.infer<typeof manifest>;
