// A node's declaration, the only one: object_info, validation, the types of run's arguments and the docs come from it.
import type { UiOutput } from '../schemas/events.ts';
import type { ApiGraph, Link } from '../schemas/prompt.ts';
import type { ChoiceSources, ModelKind, NodeContext } from './node-context.ts';
import type { SocketValues } from './values.ts';

/** Options that ComfyUI's front end knows, under its names; `lazy` is for the executor. */
export interface InputOptions {
  readonly default?: unknown;
  readonly tooltip?: string;
  readonly lazy?: boolean;
  readonly forceInput?: boolean;
  readonly advanced?: boolean;
  readonly min?: number | bigint;
  readonly max?: number | bigint;
  readonly step?: number;
  readonly round?: number | false;
  readonly display?: 'number' | 'slider' | 'knob';
  readonly control_after_generate?: boolean;
  readonly multiline?: boolean;
  readonly dynamicPrompts?: boolean;
  readonly placeholder?: string;
  readonly label_on?: string;
  readonly label_off?: string;
  readonly image_upload?: boolean;
  readonly image_folder?: 'input' | 'output' | 'temp';
  /** The node gets the link itself, `[node id, output index]`, once what it links to has run; for nodes that expand. */
  readonly rawLink?: boolean;
}

/** One input. `T` is the type that `run` receives; there is no value behind it. */
export interface Input<T = unknown> {
  readonly type: string;
  readonly options: InputOptions;
  /** Of combos only. */
  readonly choices?: readonly string[] | ((sources: ChoiceSources) => readonly string[]);
  /** Describe the combo in the old form, with the choices in place of the type: client SDKs read some lists there. */
  readonly legacyCombo?: boolean;
  /** The choices are models of this kind: what the server offers beyond its list is accepted, too. */
  readonly model?: ModelKind;
  readonly optional: boolean;
  readonly _value?: T;
}

export interface Output<T = unknown> {
  readonly type: string;
  readonly tooltip?: string;
  /** The node returns a list, and what follows runs once per element (OUTPUT_IS_LIST). */
  readonly list: boolean;
  readonly _value?: T;
}

type PortOptions = Pick<InputOptions, 'tooltip' | 'lazy' | 'rawLink'>;

const widget = <T>(type: string, options: InputOptions): Input<T> => ({ type, options, optional: false });

export const string = (options: InputOptions = {}): Input<string> => widget('STRING', options);
/** Integers beyond 2^53 (seeds of other tools) arrive as the nearest number. */
export const int = (options: InputOptions = {}): Input<number> => widget('INT', options);
export const float = (options: InputOptions = {}): Input<number> => widget('FLOAT', options);
export const boolean = (options: InputOptions = {}): Input<boolean> => widget('BOOLEAN', options);

/** A list to choose from; given as a function if it changes while the server runs (files, models). */
export const combo = <const C extends string>(
  choices: readonly C[] | ((sources: ChoiceSources) => readonly C[]),
  { legacyCombo, model, ...options }: InputOptions & Pick<Input, 'legacyCombo' | 'model'> = {},
): Input<C> => ({ ...widget<C>('COMBO', options), choices, legacyCombo, model });

/** A socket without a widget. */
export function port<K extends keyof SocketValues>(
  type: K,
  options?: PortOptions,
): Input<SocketValues[K]> & Output<SocketValues[K]>;
export function port(type: string, options?: PortOptions): Input & Output;
export function port(type: string, options: PortOptions = {}): Input & Output {
  return { type, options, optional: false, list: false, tooltip: options.tooltip };
}

/** The input may be left out; `run` then receives the widget's default, or undefined if there is none. */
export const optional = <T>(input: Input<T>): Input<T | undefined> => ({ ...input, optional: true });

/** An output that is a list (OUTPUT_IS_LIST). */
export const list = <T>({ _value, ...output }: Output<T>): Output<readonly T[]> => ({ ...output, list: true });

/** Values that the executor adds, under ComfyUI's names. */
export interface HiddenValues {
  PROMPT: ApiGraph;
  EXTRA_PNGINFO: Record<string, unknown> | undefined;
  UNIQUE_ID: string;
  DYNPROMPT: ApiGraph;
}

type Inputs = Readonly<Record<string, Input>>;
type Outputs = Readonly<Record<string, Output>>;
/** Values that the executor adds, or inputs that a graph may hold but a front end does not show. */
type Hidden = Readonly<Record<string, keyof HiddenValues | Input>>;
type ValueOf<P> = P extends Input<infer T> ? T : P extends Output<infer T> ? T : never;
type InputValue<P, IsList> = IsList extends true ? readonly ValueOf<P>[] : ValueOf<P>;

type InputValues<I extends Inputs, H extends Hidden, IsList> = {
  readonly [K in keyof I]: InputValue<I[K], IsList>;
} & { readonly [K in keyof H]: HiddenValue<H[K], IsList> };
type HiddenValue<V, IsList> = V extends keyof HiddenValues ? HiddenValues[V] : InputValue<V, IsList> | undefined;
type OutputValues<O extends Outputs> = {
  readonly [K in keyof O]: (O[K] extends Output<infer T> ? T : never) | Blocker;
};

/** Outputs of a node that expands may be links into its sub-graph. */
type LinkedOutputs<O extends Outputs> = { readonly [K in keyof O]: OutputValues<O>[K] | Link };
type Returned<O extends Outputs> = OutputValues<O> | NodeResult<LinkedOutputs<O>> | Blocker;

/** As the value of an output: nodes that receive it are skipped. With a message, the user is told why. */
export class Blocker {
  readonly message: string | undefined;
  constructor(message?: string) {
    this.message = message;
  }
}

/** Outputs with something to show, or with a sub-graph that computes them. Plain outputs don't need a NodeResult. */
export class NodeResult<O = Readonly<Record<string, unknown>>> {
  readonly outputs: O | undefined;
  /** What the front end shows, e.g. `{ images: [...] }` or `{ text: ["…"] }`. */
  readonly ui: UiOutput | undefined;
  /** A graph in API format to run in place of the node; outputs may be links into it. Its ids must be unique. */
  readonly expand: ApiGraph | undefined;
  constructor({ outputs, ui, expand }: { outputs?: O; ui?: UiOutput; expand?: ApiGraph }) {
    this.outputs = outputs;
    this.ui = ui;
    this.expand = expand;
  }
}

export interface NodeSpec<I extends Inputs, O extends Outputs, H extends Hidden, IsList extends boolean> {
  /** The class name; ComfyUI's if ComfyUI has the node. */
  readonly type: string;
  readonly displayName: string;
  readonly category: string;
  readonly description: string;
  /** In the order in which they are shown. */
  readonly inputs: I;
  readonly hidden?: H;
  /** Inputs that are not declared may be linked, too; `run` receives their values under the graph's names. */
  readonly anyInputs?: boolean;
  readonly outputs: O;
  /** Runs even if no other node needs it: it saves or shows something. */
  readonly outputNode?: boolean;
  /** Shows something (`ui`) without being an output node: it runs only if another node needs it. */
  readonly hasIntermediateOutput?: boolean;
  /** `run` is called once, with lists, instead of once per element (INPUT_IS_LIST). */
  readonly inputIsList?: IsList;
  /** Never shares a cached result with another node that has the same inputs. */
  readonly notIdempotent?: boolean;
  readonly deprecated?: boolean;
  readonly experimental?: boolean;
  readonly searchAliases?: readonly string[];
  /**
   * Bytes that a call will take, its result included, where its inputs tell: a call that the prompt's memory cannot hold
   * fails before it takes them.
   */
  memory?(inputs: InputValues<I, H, IsList>): number;
  run(inputs: InputValues<I, H, IsList>, context: NodeContext): Returned<O> | Promise<Returned<O>>;
  /** From the literals, a value or promise that changes when the result would (IS_CHANGED); NaN: run every time. */
  fingerprint?(literals: Partial<InputValues<I, H, false>>, context: Pick<NodeContext, 'files'>): unknown;
  /** true, or what is wrong with the literals (VALIDATE_INPUTS). Replaces the built-in checks of the inputs in `validates`. */
  validate?(
    literals: Partial<InputValues<I, H, false>>,
    context: ValidateContext,
  ): true | string | Promise<true | string>;
  /** `validate` judges the types of links (`linkTypes`), too: the built-in check of them is off. */
  readonly validatesLinkTypes?: boolean;
  /** Inputs whose range and choices `validate` checks itself; by default all of them. */
  readonly validates?: readonly (keyof I & string)[];
  /** Names of the lazy inputs that are needed, given the inputs that are known (check_lazy_status). */
  checkLazyStatus?(
    known: Partial<InputValues<I, H, IsList>>,
    context: NodeContext,
  ): readonly string[] | Promise<readonly string[]>;
}

/** What a node's own validator may ask. */
export interface ValidateContext extends Pick<NodeContext, 'files'> {
  /** Linked input → the type of the output that it is linked to. */
  readonly linkTypes: Readonly<Record<string, string>>;
}

/** A node without its static types: what the registry holds and the executor calls. */
export type NodeDefinition = Omit<
  NodeSpec<Inputs, Outputs, Hidden, boolean>,
  'memory' | 'run' | 'fingerprint' | 'validate' | 'validates' | 'checkLazyStatus'
> & {
  memory?(inputs: Readonly<Record<string, unknown>>): number;
  run(inputs: Readonly<Record<string, unknown>>, context: NodeContext): unknown;
  fingerprint?(literals: Readonly<Record<string, unknown>>, context: Pick<NodeContext, 'files'>): unknown;
  validate?(
    literals: Readonly<Record<string, unknown>>,
    context: ValidateContext,
  ): true | string | Promise<true | string>;
  readonly validates?: readonly string[];
  checkLazyStatus?(
    known: Readonly<Record<string, unknown>>,
    context: NodeContext,
  ): readonly string[] | Promise<readonly string[]>;
};

/** Declares a node. The types of `run`'s arguments and result follow from `inputs` and `outputs`. */
export function defineNode<
  const I extends Inputs,
  const O extends Outputs,
  const H extends Hidden = Record<never, never>,
  const IsList extends boolean = false,
>(spec: NodeSpec<I, O, H, IsList>): NodeDefinition {
  return spec as unknown as NodeDefinition;
}
