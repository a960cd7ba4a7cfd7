// A small JSON Schema validator, independent of zod: the keywords that the schema of POST /prompt uses; others throw.
type Schema = Readonly<Record<string, unknown>>;

const ANNOTATIONS = ['$schema', '$id', 'title', 'description'];

const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value;
};

/** One check a keyword: whether the value is allowed by it. */
const KEYWORDS: Readonly<Record<string, (argument: never, value: never, schema: Schema) => boolean>> = {
  type: (types: string | string[], value) => [types].flat().includes(typeOf(value)),
  anyOf: (schemas: Schema[], value) => schemas.some((schema) => isValid(schema, value)),
  minimum: (limit: number, value: unknown) => typeof value !== 'number' || value >= limit,
  maximum: (limit: number, value: unknown) => typeof value !== 'number' || value <= limit,
  pattern: (source: string, value: unknown) => typeof value !== 'string' || new RegExp(source, 'u').test(value),
  items: (schema: Schema, value: unknown) => !Array.isArray(value) || value.every((entry) => isValid(schema, entry)),
  required: (keys: string[], value: object) =>
    typeOf(value) !== 'object' || keys.every((key) => Object.hasOwn(value, key)),
  properties: (schemas: Record<string, Schema>, value: Record<string, unknown>) =>
    typeOf(value) !== 'object' ||
    Object.keys(schemas).every((key) => !Object.hasOwn(value, key) || isValid(schemas[key], value[key])),
  additionalProperties: (schema: Schema, value: Record<string, unknown>, { properties = {} }) =>
    typeOf(value) !== 'object' ||
    Object.keys(value).every((key) => Object.hasOwn(properties as object, key) || isValid(schema, value[key])),
};

/** Whether a schema allows a value. Throws for keywords that it does not know. */
export function isValid(schema: Schema, value: unknown): boolean {
  return Object.entries(schema)
    .filter(([keyword]) => !ANNOTATIONS.includes(keyword))
    .every(([keyword, argument]) => {
      const check = KEYWORDS[keyword];
      if (!check) throw new Error(`this validator does not know the keyword ${keyword}`);
      return check(argument as never, value as never, schema);
    });
}
