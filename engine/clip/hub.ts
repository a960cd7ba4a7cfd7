import { InputError } from '../errors.ts';
export interface HubOptions {
  cacheDir?: string;
  offline?: boolean;
  endpoint?: string;
  signal?: AbortSignal;
  dtype?: string;
  onProgress?: (p: DownloadProgress) => void;
}
export interface DownloadProgress {
  readonly file: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
}
export const parseHubId = (name: string): string | undefined => (/^[\w.-]+\/[\w.-]+$/.test(name) ? name : undefined);
export async function pullModel(id: string, _options: HubOptions): Promise<string> {
  throw new InputError('DOWNLOAD_FAILED', id);
}
