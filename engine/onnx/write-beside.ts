// A model with stored weights → an .onnx file beside them, so that onnxruntime reads them where they lie.
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { externalFilesOf } from './external-files.ts';
import type { Model, Node } from './graph.ts';
import { elementCode, type StoredBytes, type Tensor } from './tensor.ts';
import { type ExternalTensor, writeModel } from './write.ts';

/**
 * Path of the file, which the caller deletes; undefined if the model has no stored weights, or none can be written beside them. Weights that are
 * stored in a narrower type are widened by onnxruntime.
 */
export function writeBeside(model: Model): string | undefined {
  const stored = [...model.constants].filter((entry): entry is [string, Tensor & { stored: StoredBytes }] =>
    Boolean(entry[1].stored),
  );
  const [folder, ...others] = new Set(stored.map(([, t]) => dirname(t.stored.path)));
  if (folder === undefined || others.length > 0 || externalFilesOf(model.source)) return undefined;
  const casts = stored.filter(([, t]) => t.type !== t.stored.type).map(([name, t]) => castOf(name, t));
  const names = new Set(stored.map(([name]) => name));
  const constants = new Map([...model.constants].filter(([name]) => !names.has(name)));
  const external = new Map(
    stored.map(([name, { type, dims, stored: s }]): [string, ExternalTensor] => [
      type === s.type ? name : storedName(name),
      { type: s.type, dims, location: basename(s.path), offset: s.offset, length: s.length },
    ]),
  );
  const path = join(folder, `${randomUUID()}.onnx`);
  try {
    writeFileSync(path, writeModel({ ...model, constants, nodes: [...casts, ...model.nodes] }, external), {
      flag: 'wx',
    });
    return path;
  } catch {
    return undefined; // the folder of someone's ONNX file may be read-only
  }
}

const storedName = (name: string): string => `${name}/stored`;

const castOf = (name: string, { type }: Tensor): Node => ({
  op: 'Cast',
  domain: '',
  name: `${name}/widen`,
  inputs: [storedName(name)],
  outputs: [name],
  attributes: new Map([['to', { kind: 'int', value: elementCode(type) }]]),
});
