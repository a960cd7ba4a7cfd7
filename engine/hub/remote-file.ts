// A file of a model on the hub: its headers, the first of several names that the hub has, and refusals in words for the user.
import { InputError } from '../errors.ts';
import type { HubId } from '../hub-id.ts';
import { type NeededFile, pathsOf } from './needed-files.ts';
import { fetchMeta, type HttpOptions, HubError, type RemoteFile } from './requests.ts';

export type FoundFile = RemoteFile & { readonly path: string };

export interface RemoteOptions extends HttpOptions {
  /** The hub's address; default HF_ENDPOINT or https://huggingface.co. */
  endpoint?: string;
}

const endpointOf = ({ endpoint }: RemoteOptions): string =>
  (endpoint ?? process.env.HF_ENDPOINT ?? 'https://huggingface.co').replace(/(?<!\/)\/+$/, '');

/** Names of tensors serve as names of files, so a path may hold any character. */
const urlOf = ({ repo, revision }: HubId, path: string, options: RemoteOptions): string =>
  `${endpointOf(options)}/${repo}/resolve/${encodeURIComponent(revision)}/${path.split('/').map(encodeURIComponent).join('/')}`;

/** The first of a file's paths that the hub has; undefined if it has none and the file is optional. Throws MODEL_NOT_FOUND, DOWNLOAD_FAILED. */
export async function findRemote(
  id: HubId,
  needed: NeededFile,
  options: RemoteOptions,
): Promise<FoundFile | undefined> {
  for (const path of pathsOf(needed)) {
    const found = await lookUp(id, path, options);
    if (found) return found;
  }
  if (needed.optional) return undefined;
  const { repo, revision } = id;
  throw new InputError(
    'MODEL_NOT_FOUND',
    `${repo} at ${revision} has no ${needed.path} at ${endpointOf(options)} (status 404).`,
  );
}

/** One file's headers; undefined if the hub does not have it. Throws MODEL_NOT_FOUND (no such model), DOWNLOAD_FAILED. */
export async function lookUp(id: HubId, path: string, options: RemoteOptions): Promise<FoundFile | undefined> {
  try {
    return { ...(await fetchMeta(urlOf(id, path, options), options)), path };
  } catch (error) {
    if (!(error instanceof HubError)) throw error;
    if (error.reason === 'file') return undefined;
    throw explain(error, id, endpointOf(options));
  }
}

/** Which of these files the hub has, asked for all at once. */
export async function whichRemote(id: HubId, paths: readonly string[], options: RemoteOptions): Promise<string[]> {
  const found = await Promise.all(paths.map((path) => lookUp(id, path, options)));
  return found.flatMap((file) => file?.path ?? []);
}

function explain(error: HubError, { repo }: HubId, endpoint: string): InputError {
  const options = { cause: error };
  if (error.reason !== 'denied')
    return new InputError(
      'MODEL_NOT_FOUND',
      `There is no model ${repo} at ${endpoint} (status ${error.status}).`,
      options,
    );
  return new InputError(
    'DOWNLOAD_FAILED',
    process.env.HF_TOKEN
      ? `${endpoint} denies access to ${repo} (status ${error.status}): HF_TOKEN is not valid for it; accept the model's terms at ${endpoint}/${repo}.`
      : `${endpoint} denies access to ${repo} (status ${error.status}): there is no such model, or it needs a login; then accept its terms at ${endpoint}/${repo} and set HF_TOKEN.`,
    options,
  );
}
