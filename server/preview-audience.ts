// Who gets the previews of a prompt and the lines of text below its nodes: the prompt's own wish, else the server's option
// (protocol: Previews and text).

/** ComfyUI's names. `none`: nobody who did not ask; the others say how a preview is made, which here is each node's own affair. */
export const PREVIEW_METHODS = ['none', 'auto', 'latent2rgb', 'taesd'] as const;
export type PreviewMethod = (typeof PREVIEW_METHODS)[number];

/** `everyone` who hears the prompt's events, or those of them whose sockets `announced` what they support, or `nobody`. */
export type Audience = 'everyone' | 'announced' | 'nobody';

const isMethod = (value: unknown): value is PreviewMethod => PREVIEW_METHODS.includes(value as PreviewMethod);

/** `extraData` is the prompt's, whose `preview_method` counts unless it is `default` or unknown. */
export function audienceOf(
  extraData: Readonly<Record<string, unknown>>,
  serverMethod: PreviewMethod = 'none',
): { readonly preview: Audience; readonly text: Audience } {
  const wish = isMethod(extraData.preview_method) ? extraData.preview_method : undefined;
  if ((wish ?? serverMethod) !== 'none') return { preview: 'everyone', text: 'everyone' };
  return { preview: wish === 'none' ? 'nobody' : 'announced', text: 'announced' };
}
