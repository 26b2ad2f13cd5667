/** What the reference needs of an OpenAPI document, read out of it. */

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  enum?: (string | number | null)[];
  const?: string | number | boolean;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  additionalProperties?: boolean | Schema;
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema: Schema;
}

type Content = Record<string, { schema: Schema }>;

interface RawOperation {
  operationId: string;
  tags: string[];
  summary: string;
  description?: string;
  parameters: Parameter[];
  requestBody?: { content: Content };
  responses: Record<string, { description: string; content?: Content }>;
  security?: unknown[];
}

export interface Document {
  openapi: string;
  paths: Record<string, Record<string, RawOperation>>;
  components: { schemas: Record<string, Schema> };
}

export interface Operation {
  id: string;
  tag: string;
  method: string;
  path: string;
  summary: string;
  description: string;
  parameters: Parameter[];
  body: Schema | null;
  /** Whether the body is a form with a file in it, and not JSON. */
  form: boolean;
  answers: { status: string; description: string; schema: Schema | null }[];
  /** Whether one need not be signed in. */
  open: boolean;
}

const DEEPEST = 5;
const FORM = "multipart/form-data";

export function operationsOf(document: Document): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, raw]) => ({
      id: raw.operationId,
      tag: raw.tags[0] ?? "Other",
      method,
      path,
      summary: raw.summary,
      description: raw.description ?? "",
      parameters: raw.parameters,
      body: schemaOf(raw.requestBody?.content),
      form: FORM in (raw.requestBody?.content ?? {}),
      answers: Object.entries(raw.responses).map(([status, { description, content }]) => ({
        status,
        description,
        schema: schemaOf(content),
      })),
      open: !raw.security,
    })),
  );
}

/** A schema in a few words. */
export function shapeOf(schema: Schema): string {
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.anyOf) return schema.anyOf.map(shapeOf).join(" or ");
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(", ");
  if (schema.type === "array") return `list of ${schema.items ? shapeOf(schema.items) : "anything"}`;
  const limits = [
    schema.format,
    range(schema.minimum, schema.maximum, ""),
    range(schema.minLength, schema.maxLength, " characters"),
    schema.default === undefined ? "" : `default ${JSON.stringify(schema.default)}`,
  ].filter(Boolean);
  return [String(schema.type ?? "any"), ...limits].join(", ");
}

/** A value that fits a schema. */
export function exampleOf(schema: Schema, document: Document, depth = 0): unknown {
  if (depth > DEEPEST) return {};
  if (schema.$ref) return exampleOf(document.components.schemas[nameOf(schema.$ref)] ?? {}, document, depth + 1);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return exampleOf(schema.anyOf.find((each) => each.type !== "null") ?? {}, document, depth);
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case "object":
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, each]) => [name, exampleOf(each, document, depth + 1)]),
      );
    case "array":
      return schema.items ? [exampleOf(schema.items, document, depth + 1)] : [];
    case "integer":
      return schema.minimum ?? 1;
    case "number":
      return schema.minimum ?? 0.5;
    case "boolean":
      return true;
    case "string":
      return schema.format === "date-time" ? "2030-01-01T12:00:00Z" : "…";
    default:
      return null;
  }
}

/** How an operation is asked for in a shell. */
export function requestLine(operation: Operation, document: Document): string {
  const lines = [
    `curl -s ${operation.method === "get" ? "" : `-X ${operation.method.toUpperCase()} `}"$ORIGIN${operation.path}"`,
  ];
  if (!operation.open) lines.push(`-H "Authorization: Bearer $token"`);
  if (operation.form) {
    for (const name of Object.keys(operation.body?.properties ?? {})) lines.push(`-F ${name}=@guide.pdf`);
  } else if (operation.body) {
    const body = JSON.stringify(required(operation.body, document));
    lines.push(`-H "Content-Type: application/json" -d '${body}'`);
  }
  return lines.join(" \\\n     ");
}

function required(schema: Schema, document: Document): unknown {
  const whole = schema.$ref ? (document.components.schemas[nameOf(schema.$ref)] ?? {}) : schema;
  const fields = Object.entries(whole.properties ?? {}).filter(([name]) => whole.required?.includes(name));
  return Object.fromEntries(fields.map(([name, each]) => [name, exampleOf(each, document)]));
}

function schemaOf(content: Content | undefined): Schema | null {
  return Object.values(content ?? {})[0]?.schema ?? null;
}

function nameOf(ref: string): string {
  return ref.slice(ref.lastIndexOf("/") + 1);
}

function range(least: number | undefined, most: number | undefined, unit: string): string {
  if (least === undefined && most === undefined) return "";
  if (most === undefined) return `at least ${least}${unit}`;
  return least === undefined ? `at most ${most}${unit}` : `${least} to ${most}${unit}`;
}
