// Rules of the ops that newer exports keep whole: Attention and RotaryEmbedding (opset 23).
import { floatAttribute, intAttribute, type Node } from '../onnx/graph.ts';
import { isFloat } from '../onnx/tensor.ts';
import type { Value } from './builder.ts';
import {
  add,
  concat,
  expand,
  gatherRows,
  matmul,
  mul,
  neg,
  range,
  reshape,
  scalar,
  scale,
  slice,
  softmax,
  sub,
  sum,
  T,
  transpose,
  where,
} from './ops.ts';
import type { GradientRule } from './rule.ts';
import { scatterAdd } from './rules-gather.ts';

/**
 * y = P·v with P = softmax(s·q·kᵀ + mask), per head:
 * dv = Pᵀ·g;  dS = P·(dP − Σ dP·P) with dP = g·vᵀ;  dq = s·dS·k;  dk = s·dSᵀ·q;  dmask = dS
 */
export const attentionRule: GradientRule = ({ x: inputs, g, node }) => {
  refuseUnusual(node, inputs);
  const [query, key, value, mask, pastKey, pastValue] = inputs;
  const count = headCounts(node, query, key);
  const past = pastKey?.dims[2] ?? 0;
  const q = toHeads(query, count.queries); // [B, H, L, d]
  const whole = (before: Value | undefined, now: Value) => {
    const heads = toHeads(now, count.keys);
    return repeatHeads(before ? concat([before, heads], 2) : heads, count.queries);
  };
  const k = whole(pastKey, key); // [B, H, past + L, d]
  const v = whole(pastValue, value);
  const s = floatAttribute(node, 'scale', q.dims[3] ** -0.5);
  const weights = softmax(masked(scale(matmul(q, T(k)), s), { mask, past, node }), 3);
  const h = toHeads(g, count.queries);
  const dWeights = matmul(h, T(v));
  const dScores = mul(weights, sub(dWeights, sum(mul(dWeights, weights), [3])));
  const scaled = scale(dScores, s);
  const dKeys = sumHeads(matmul(T(scaled), q), count.keys);
  const dValues = sumHeads(matmul(T(weights), h), count.keys);
  const now = (gradient: Value, like: Value) => fromHeads(slice(gradient, 2, past, gradient.dims[2]), like);
  return [
    fromHeads(matmul(scaled, k), query),
    now(dKeys, key),
    now(dValues, value),
    mask && isFloat(mask.type) ? dScores : null,
    pastKey ? slice(dKeys, 2, 0, past) : null,
    pastValue ? slice(dValues, 2, 0, past) : null,
  ].slice(0, inputs.length);
};

function refuseUnusual(node: Node, [, key, , mask, pastKey, , lengths]: readonly Value[]): void {
  if (lengths) throw new RangeError('its input nonpad_kv_seqlen has no gradient rule');
  if (floatAttribute(node, 'softcap', 0)) throw new RangeError('softcap has no gradient rule');
  const keys = key.dims.at(-2)! + (pastKey?.dims[2] ?? 0);
  if (mask && mask.dims.at(-1) !== keys)
    throw new RangeError('a mask that is shorter than the keys has no gradient rule');
}

/** The numbers of heads: an axis of the inputs [B, H, L, d], or attributes if heads stand side by side [B, L, H·d]. */
const headCounts = (node: Node, query: Value, key: Value) =>
  query.dims.length === 4
    ? { queries: query.dims[1], keys: key.dims[1] }
    : { queries: intAttribute(node, 'q_num_heads', 1), keys: intAttribute(node, 'kv_num_heads', 1) };

/** [B, L, H·d] → [B, H, L, d]. */
function toHeads(v: Value, heads: number): Value {
  if (v.dims.length === 4) return v;
  const [b, l, width] = v.dims;
  return transpose(reshape(v, [b, l, heads, width / heads]), [0, 2, 1, 3]);
}

/** Back to the dims of `like`. */
const fromHeads = (v: Value, like: Value): Value =>
  like.dims.length === 4 ? v : reshape(transpose(v, [0, 2, 1, 3]), like.dims);

/** Several heads of queries share one of keys: each is repeated for them. */
function repeatHeads(v: Value, heads: number): Value {
  const [b, own, l, d] = v.dims;
  if (own === heads) return v;
  return reshape(expand(reshape(v, [b, own, 1, l, d]), [b, own, heads / own, l, d]), [b, heads, l, d]);
}

/** The adjoint: the gradients of the repeats are added. */
function sumHeads(v: Value, heads: number): Value {
  const [b, all, l, d] = v.dims;
  if (all === heads) return v;
  return reshape(sum(reshape(v, [b, heads, all / heads, l, d]), [2]), [b, heads, l, d]);
}

interface MaskOptions {
  readonly mask: Value | undefined;
  /** Keys from before the first query. */
  readonly past: number;
  readonly node: Node;
}

/** Scores plus the mask (booleans: true where a key may be seen), and −∞ for keys after the query if causal. */
function masked(scores: Value, { mask, past, node }: MaskOptions): Value {
  const never = scalar(scores, Number.NEGATIVE_INFINITY);
  const biased = !mask ? scores : isFloat(mask.type) ? add(scores, mask) : where(mask, scores, never);
  if (!intAttribute(node, 'is_causal', 0)) return biased;
  const [queries, keys] = scores.dims.slice(2);
  const seen = range(queries * keys).map((i) => Number(i % keys <= past + Math.floor(i / keys)));
  return where(scores.graph.constant('bool', [queries, keys], seen), biased, never);
}

/**
 * (a, b) → (a·c − b·s, b·c + a·s) for pairs of the last axis; g = (u, v):
 * da = u·c + v·s;  db = v·c − u·s;  dc = Σ a·u + b·v;  ds = Σ a·v − b·u over the heads
 */
export const rotaryRule: GradientRule = ({ x: inputs, g, node }) => {
  const [x, cosines, sines, positions] = inputs;
  const heads = x.dims.length === 4 ? x.dims[1] : intAttribute(node, 'num_heads', 1);
  const [h, u] = [toHeads(x, heads), toHeads(g, heads)]; // [B, H, L, d]
  const turned = intAttribute(node, 'rotary_embedding_dim', 0) || h.dims[3];
  const interleaved = intAttribute(node, 'interleaved', 0) === 1;
  const [a, b] = pairsOf(h, turned, interleaved);
  const [ga, gb] = pairsOf(u, turned, interleaved);
  const looked = (table: Value) => {
    const rows = positions ? gatherRows(table, positions) : table; // [B, L, turned/2]
    return reshape(rows, [rows.dims[0], 1, ...rows.dims.slice(1)]);
  };
  const [c, s] = [looked(cosines), looked(sines)];
  const da = add(mul(ga, c), mul(gb, s));
  const db = sub(mul(gb, c), mul(ga, s));
  const rest = slice(u, 3, turned, u.dims[3]);
  const dx = concat([joinPairs(da, db, interleaved), ...(turned < u.dims[3] ? [rest] : [])], 3);
  const back = (gradient: Value, table: Value) => {
    const rows = sum(gradient, [1]);
    const [n, l, half] = [rows.dims[0], ...rows.dims.slice(2)];
    if (!positions) return reshape(rows, [n, l, half]);
    return scatterAdd(reshape(rows, [n * l, half]), reshape(positions, [n * l]), 0, table.dims[0]);
  };
  const dCosines = back(add(mul(a, ga), mul(b, gb)), cosines);
  const dSines = back(add(mul(a, gb), neg(mul(b, ga))), sines);
  return [fromHeads(dx, x), dCosines, dSines, null].slice(0, inputs.length);
};

/** The two numbers of every pair: neighbours if interleaved, halves otherwise. */
function pairsOf(v: Value, turned: number, interleaved: boolean): [Value, Value] {
  const part = slice(v, 3, 0, turned);
  const half = turned / 2;
  if (!interleaved) return [slice(part, 3, 0, half), slice(part, 3, half, turned)];
  const dims = part.dims.slice(0, 3);
  const pairs = reshape(part, [...dims, half, 2]);
  return [reshape(slice(pairs, 4, 0, 1), [...dims, half]), reshape(slice(pairs, 4, 1, 2), [...dims, half])];
}

function joinPairs(a: Value, b: Value, interleaved: boolean): Value {
  if (!interleaved) return concat([a, b], 3);
  const columns = [a, b].map((v) => reshape(v, [...v.dims, 1]));
  return reshape(concat(columns, 4), [...a.dims.slice(0, 3), a.dims[3] * 2]);
}
