// A workflow with asset references → the same with names that loaders take (protocol: Assets in a workflow).
import { v2AssetReference } from '../../../../schemas/api-v2.ts';
import { isRecord } from '../../../../schemas/record.ts';
import { ApiError } from '../../envelope.ts';
import { type AssetDeps, findAsset } from './find-asset.ts';

/** Ids that an error names. */
const MAX_NAMED = 20;

/** Returns a copy if there is anything to replace. Throws ApiError 422 missing_asset, which names all that are missing. */
export async function resolveReferences(
  workflow: Readonly<Record<string, unknown>>,
  deps: AssetDeps,
): Promise<Readonly<Record<string, unknown>>> {
  const ids = new Set<string | undefined>();
  collect(workflow, ids);
  if (ids.size === 0) return workflow;
  const names = new Map<string, string>();
  const missing: string[] = [];
  for (const id of ids) {
    const name = id === undefined ? undefined : (await findAsset(id, deps))?.inputName;
    if (id !== undefined && name !== undefined) names.set(id, name);
    else missing.push(id ?? '(a reference without info.id)');
  }
  if (missing.length > 0) throw missingAsset(missing);
  return replace(workflow, names) as Readonly<Record<string, unknown>>;
}

function missingAsset(ids: readonly string[]): ApiError {
  const named = ids.slice(0, MAX_NAMED).map((id) => id.slice(0, 300));
  const shown = `${named.join(', ')}${ids.length > named.length ? ', …' : ''}`;
  return new ApiError('missing_asset', `There is no file for ${shown}: upload it to /api/v2/assets first.`, {
    details: { missing_ids: named },
  });
}

/** Whatever says that it is a reference is one, so that a broken one is told. */
const isReference = (value: Readonly<Record<string, unknown>>): boolean => value.__type === 'core/ASSET';

function idOf(value: unknown): string | undefined {
  return v2AssetReference.safeParse(value).data?.info.id;
}

function collect(value: unknown, ids: Set<string | undefined>): void {
  if (Array.isArray(value)) for (const entry of value) collect(entry, ids);
  else if (isRecord(value)) {
    if (isReference(value)) ids.add(idOf(value));
    else for (const entry of Object.values(value)) collect(entry, ids);
  }
}

function replace(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((entry) => replace(entry, names));
  if (!isRecord(value)) return value;
  if (isReference(value)) return names.get(idOf(value) ?? '');
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, replace(entry, names)]));
}
