/** `env`: what a process needs in its environment; `reason`: why there is no driver. */
export function findWebgpuDriver(): { readonly env: Readonly<Record<string, string>>; readonly reason?: string };
