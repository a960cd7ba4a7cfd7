// The HTTP half of the protocol: requests → JSON, files → names, results → URLs. All of it at the page's own origin.
import type { ApiGraph } from '../../../schemas/prompt.ts';

/** A file as `GET /view` addresses it. */
export interface FileRef {
  readonly filename: string;
  readonly subfolder?: string;
  readonly type?: string;
}

/** What is wrong with one input, in the server's words. */
export interface InputProblem {
  readonly nodeId: string;
  readonly input: string | undefined;
  readonly message: string;
}

/** A request that the server refused, or that did not reach it (status 0). */
export class ApiError extends Error {
  readonly status: number;
  /** Of a prompt: which inputs are wrong. */
  readonly problems: readonly InputProblem[];
  constructor(message: string, status: number, problems: readonly InputProblem[] = []) {
    super(message);
    this.status = status;
    this.problems = problems;
  }
}

interface Refusal {
  readonly error?: string | { readonly message?: string; readonly details?: string };
  readonly node_errors?: NodeErrors;
}

type NodeErrors = Readonly<
  Record<
    string,
    {
      readonly errors: readonly {
        readonly message: string;
        readonly details: string;
        readonly extra_info?: { readonly input_name?: string };
      }[];
    }
  >
>;

async function request(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new ApiError('The server does not answer.', 0);
  }
  if (response.ok) return response;
  const text = await response.text();
  const body = parse(text);
  if (!body) throw new ApiError(text || `The server answered ${response.status}.`, response.status);
  throw new ApiError(messageOf(body, response.status), response.status, problemsOf(body.node_errors));
}

function parse(text: string): Refusal | undefined {
  try {
    return JSON.parse(text) as Refusal;
  } catch {
    return undefined;
  }
}

const messageOf = ({ error }: Refusal, status: number): string => {
  if (typeof error === 'string') return error;
  const { message = `The server answered ${status}.`, details = '' } = error ?? {};
  return details && details !== message ? `${message}: ${details}` : message;
};

const problemsOf = (nodeErrors: NodeErrors = {}): InputProblem[] =>
  Object.entries(nodeErrors).flatMap(([nodeId, { errors }]) =>
    errors.map(({ message, details, extra_info: extra }) => ({
      nodeId,
      input: extra?.input_name,
      message: details && details !== extra?.input_name ? `${message}: ${details}` : message,
    })),
  );

export async function getJson<T>(path: string): Promise<T> {
  return (await (await request(path)).json()) as T;
}

export async function postJson(path: string, body: unknown): Promise<Response> {
  return request(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
}

/** POST /prompt. Problems of outputs that were left out; throws ApiError with those of all inputs if nothing of it can run. */
export async function submitPrompt(body: {
  readonly prompt: ApiGraph;
  readonly prompt_id: string;
  readonly client_id: string;
  readonly extra_data: Readonly<Record<string, unknown>>;
  readonly front?: boolean;
}): Promise<readonly InputProblem[]> {
  const answer = (await (await postJson('/prompt', body)).json()) as { node_errors?: NodeErrors };
  return problemsOf(answer.node_errors);
}

/** Uploads a picture; the name under which Load Image finds it. */
export async function uploadImage(file: File): Promise<string> {
  const form = new FormData();
  form.append('image', file, file.name || 'picture.png');
  const response = await request('/upload/image', { method: 'POST', body: form });
  const { name, subfolder } = (await response.json()) as { name: string; subfolder: string };
  return subfolder ? `${subfolder}/${name}` : name;
}

/** Address of a picture; `preview`: encoded anew, e.g. `webp;80`, for thumbnails. */
export function viewUrl({ filename, subfolder = '', type = 'output' }: FileRef, preview?: string): string {
  const query = new URLSearchParams({ filename, subfolder, type, ...(preview && { preview }) });
  return `/view?${query}`;
}

/** Address of an input picture by the name that Load Image has. */
export function inputUrl(name: string, preview?: string): string {
  const slash = name.lastIndexOf('/');
  return viewUrl(
    { filename: name.slice(slash + 1), subfolder: name.slice(0, Math.max(0, slash)), type: 'input' },
    preview,
  );
}
