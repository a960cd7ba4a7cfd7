// Python's package index (PyPI or a mirror of it) → the released versions of ComfyUI's front end: name, size, hash and address of each.
import { z } from 'zod';
import { InputError } from '../../engine/errors.ts';
import { type HttpOptions, HubError, request } from '../../engine/hub/requests.ts';

/** One wheel. */
export interface Release {
  readonly version: string;
  readonly file: string;
  readonly url: string;
  readonly bytes: number | undefined;
  /** Hexadecimal. */
  readonly sha256: string;
}

export const PACKAGE = 'comfyui-frontend-package';

const MAX_ANSWER_BYTES = 64 * 2 ** 20;

/** The part of the answer that matters (PEP 691). */
const ANSWER = z.object({
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      hashes: z.object({ sha256: z.string().optional() }),
      size: z.number().int().nonnegative().optional(),
      yanked: z.union([z.boolean(), z.string()]).optional(),
    }),
  ),
});

/** The address of the index: that of `--index`, of pip, or PyPI's. */
export const indexAddress = (given?: string): string =>
  (given ?? process.env.PIP_INDEX_URL ?? 'https://pypi.org/simple').replace(/(?<!\/)\/+$/, '');

/** Released versions, the newest first; those that were withdrawn stand aside. Throws DOWNLOAD_FAILED. */
export async function listReleases(index: string, options: HttpOptions = {}): Promise<Release[]> {
  const url = `${index}/${PACKAGE}/`;
  const { files } = await ask(url, options);
  return files
    .flatMap((file) => {
      const [, version] = /^comfyui_frontend_package-(\d+(?:\.\d+){0,5})-py3-none-any\.whl$/.exec(file.filename) ?? [];
      const { sha256 } = file.hashes;
      if (!version || !sha256 || file.yanked) return [];
      return [{ version, file: file.filename, url: addressOf(file.url, url), bytes: file.size, sha256 }];
    })
    .sort((a, b) => compareVersions(b.version, a.version));
}

async function ask(url: string, options: HttpOptions): Promise<z.infer<typeof ANSWER>> {
  const headers = { accept: 'application/vnd.pypi.simple.v1+json' };
  let text: string;
  try {
    const response = await request(url, { headers }, { ...options, anonymous: true });
    text = await response.text();
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    throw new InputError('DOWNLOAD_FAILED', `${url} answers ${error.status}: is it the address of a package index?`, {
      cause: error,
    });
  }
  if (text.length > MAX_ANSWER_BYTES) throw notAnIndex(url, `it sent ${text.length} characters`);
  try {
    return ANSWER.parse(JSON.parse(text));
  } catch (error) {
    throw notAnIndex(url, 'its answer is not the JSON of PEP 691', error);
  }
}

const notAnIndex = (url: string, why: string, cause?: unknown): InputError =>
  new InputError(
    'DOWNLOAD_FAILED',
    `${url} is not a package index that this command can read: ${why}. Leave --index and PIP_INDEX_URL out to ask PyPI.`,
    { cause },
  );

/** Addresses may be relative to the index. */
function addressOf(url: string, base: string): string {
  const { href, protocol } = new URL(url, base);
  if (protocol === 'https:' || protocol === 'http:') return href;
  throw notAnIndex(base, `it leads to ${protocol}`);
}

/** By numbers: 1.9 before 1.10. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [a, b].map((version) => version.split('.').map(Number));
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
