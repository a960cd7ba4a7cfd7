// object_info → the inputs of a node class: which are widgets, with which ranges, choices and words about them.
import type { InputInfo, NodeInfo } from '../../../schemas/node-info.ts';

export type ObjectInfo = Readonly<Record<string, NodeInfo>>;

export interface SlotOptions {
  readonly default?: unknown;
  readonly min?: number;
  readonly max?: number;
  readonly step?: number;
  readonly tooltip?: string;
  readonly multiline?: boolean;
  readonly placeholder?: string;
  readonly advanced?: boolean;
  readonly forceInput?: boolean;
  readonly image_upload?: boolean;
  readonly control_after_generate?: boolean;
  readonly label_on?: string;
  readonly label_off?: string;
}

export interface Slot {
  readonly name: string;
  /** INT, FLOAT, STRING, BOOLEAN, COMBO, or the name of a socket. */
  readonly type: string;
  readonly choices: readonly string[];
  readonly options: SlotOptions;
}

const WIDGETS = ['INT', 'FLOAT', 'STRING', 'BOOLEAN', 'COMBO'];

export const isWidget = ({ type, options }: Slot): boolean => WIDGETS.includes(type) && !options.forceInput;

/** Required inputs first, as front ends order them. */
export function slotsOf({ input, input_order: order }: NodeInfo): Slot[] {
  return (['required', 'optional'] as const).flatMap((section) =>
    (order[section] ?? Object.keys(input[section] ?? {})).flatMap((name) => {
      const info = input[section]?.[name];
      return info ? toSlot(name, info) : [];
    }),
  );
}

function toSlot(name: string, [type, options = {}]: InputInfo): Slot {
  const listed = Array.isArray(type) ? type : ((options.options as (string | number)[] | undefined) ?? []);
  return {
    name,
    type: Array.isArray(type) ? 'COMBO' : type,
    choices: listed.map(String),
    options: options as SlotOptions,
  };
}

/** Entries of widgets_values that a widget has beside its own (docs/protocol.md: Saved graphs). */
export function extraEntries({ name, type, options }: Slot): number {
  const isSeed = type === 'INT' && (name === 'seed' || name === 'noise_seed');
  return (options.control_after_generate ?? isSeed) || options.image_upload ? 1 : 0;
}

/** `learning_rate` → `Learning rate`. */
export const nameInWords = (name: string): string => {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};
