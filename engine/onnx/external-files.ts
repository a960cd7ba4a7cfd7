// Models whose external weights cannot lie beside them: path of the .onnx file → where each of its external files is. Only this process
// says so (engine/architectures/place-graph.ts); a model that comes from someone else can't.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const elsewhere = new Map<string, ReadonlyMap<string, string>>();

/** From now on, the external files of the model at `path` are these: location → file. */
export function setExternalFiles(path: string, files: ReadonlyMap<string, string>): void {
  elsewhere.set(path, files);
}

/** Location → file, for a model whose weights lie elsewhere; undefined for all others. */
export const externalFilesOf = (path: string): ReadonlyMap<string, string> | undefined => elsewhere.get(path);

/** Those files in memory, as onnxruntime takes them; undefined for a model that needs none. */
export function readExternalFiles(path: string): { path: string; data: Uint8Array }[] | undefined {
  const files = elsewhere.get(path);
  return files && [...files].map(([location, file]) => ({ path: location, data: readWhole(file) }));
}

/** One call of read(2) takes less than 2 GiB. */
const MAX_READ = 2 ** 30;

function readWhole(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const data = new Uint8Array(fstatSync(file).size);
    for (let done = 0; done < data.length; ) {
      const n = readSync(file, data, done, Math.min(data.length - done, MAX_READ), done);
      if (n === 0) throw new Error(`${path} ends after ${done} bytes`);
      done += n;
    }
    return data;
  } finally {
    closeSync(file);
  }
}
