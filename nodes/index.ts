// Every node of this pack: the one list.
import type { NodeDefinition } from './define-node.ts';
import { primitiveString } from './string.ts';

export const nodes: readonly NodeDefinition[] = [primitiveString];
