// What a tab remembers over a reload: its id, by which the server knows it, and the document. Both stay in this tab.
import { emptyDocument, type StudioDocument } from './document.ts';

const ID = 'pez-studio-id';
const DOCUMENT = 'pez-studio-document';

const freshId = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
};

/** A duplicated tab copies what the first one remembers: the lock says that its id is taken. */
const isFree = (id: string): Promise<boolean> =>
  new Promise((resolve) => {
    if (!navigator.locks) return resolve(true);
    void navigator.locks.request(`pez-studio ${id}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock && new Promise(() => undefined); // held as long as the tab lives
    });
  });

/** The id of this tab's socket. */
export async function tabId(): Promise<string> {
  const known = read(ID);
  const id = known && (await isFree(known)) ? known : freshId();
  if (id !== known) await isFree(id);
  write(ID, id);
  return id;
}

export function readDocument(): StudioDocument | undefined {
  try {
    const found = JSON.parse(read(DOCUMENT) ?? '') as StudioDocument;
    const known = Object.keys(emptyDocument().tasks);
    return known.every((id) => Array.isArray(found.tasks[id as keyof typeof found.tasks]?.words)) ? found : undefined;
  } catch {
    return undefined;
  }
}

let writing = 0;

/** Remembers the document soon: typing must not wait for the disk. */
export function writeDocument(document: StudioDocument): void {
  clearTimeout(writing);
  writing = window.setTimeout(() => write(DOCUMENT, JSON.stringify(document)), 200);
}

function read(key: string): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

function write(key: string, value: string): void {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    return; // storage is full or forbidden: the page works without it
  }
}
