// Two JSON values → one: objects are merged at all levels, lists are joined, anything else is replaced by the second.
import { isRecord } from '../../../schemas/record.ts';

/** Neither value is changed. A key `__proto__` is a key like any other. */
export function mergeJson(base: unknown, update: unknown): unknown {
  if (Array.isArray(base) && Array.isArray(update)) return [...base, ...update];
  if (!isRecord(base) || !isRecord(update)) return update;
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(update))
    merged.set(key, merged.has(key) ? mergeJson(merged.get(key), value) : value);
  return Object.fromEntries(merged);
}
