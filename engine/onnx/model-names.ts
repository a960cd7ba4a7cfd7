// Models that this program wrote itself: path of the .onnx file → the file of the user's that it stands for, which is what messages name.
const names = new Map<string, string>();

/** From now on, messages about the model at `path` say `name`. */
export function setModelName(path: string, name: string): void {
  names.set(path, name);
}

/** What to call the model at `path` in a message. */
export const modelName = (path: string): string => names.get(path) ?? path;

/** Whether this program wrote the model at `path`, into a folder of its own. */
export const isOwnModel = (path: string): boolean => names.has(path);
