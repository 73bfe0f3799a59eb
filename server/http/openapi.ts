/** `/openapi.json`, made from the same zod schemas that check the requests, so it cannot say anything else than the code does. */
import { z } from 'zod';
import { errorCodes } from '../../base/errors.ts';
import { adminCommands } from '../admin/commands/index.ts';

export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly summary: string;
  readonly args: z.ZodType;
  readonly result: z.ZodType;
  readonly isPublic?: boolean;
  readonly status?: number;
  readonly description?: string;
  readonly operationId?: string;
}

interface JsonSchema {
  properties?: Record<string, JsonSchema>;
  required?: string[];
  description?: string;
  [key: string]: unknown;
}

/** The whole document; built once at start. */
export function openApiDocument(version: string, apiPrefix: string, extra: readonly Endpoint[]): object {
  const fromCommands: Endpoint[] = adminCommands.map((command) => ({
    ...command.http,
    path: apiPrefix + command.http.path,
    operationId: command.name,
    summary: command.summary,
    args: command.args,
    result: command.result,
    description: `Needs: ${command.needs}.${command.sql ? ` In SQL: \`${command.sql.syntax}\`.` : ''}`,
  }));
  const paths: Record<string, Record<string, object>> = {};
  for (const endpoint of [...extra, ...fromCommands]) {
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method.toLowerCase()]: operation(endpoint) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'BoilStream',
      version,
      description: 'What the command line and the web console use.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{ session: [] }],
    components: {
      securitySchemes: { session: { type: 'http', scheme: 'bearer', description: 'The token that /auth/login gives.' } },
      schemas: { Error: errorSchema() },
    },
    paths,
  };
}

function operation(endpoint: Endpoint): object {
  const args = schemaOf(endpoint.args, 'input');
  const inPath = [...endpoint.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1] as string);
  const others = Object.keys(args.properties ?? {}).filter((name) => !inPath.includes(name));
  const inQuery = endpoint.method === 'GET' || endpoint.method === 'DELETE' ? others : [];
  const inBody = inQuery.length > 0 ? [] : others;
  const parameter = (name: string, place: 'path' | 'query'): object => ({
    name,
    in: place,
    required: place === 'path' || (args.required ?? []).includes(name),
    schema: args.properties?.[name] ?? { type: 'string' },
  });
  const isChange = endpoint.method !== 'GET' && endpoint.operationId !== undefined;
  return {
    ...(endpoint.operationId === undefined ? {} : { operationId: endpoint.operationId }),
    summary: endpoint.summary,
    ...(endpoint.description === undefined ? {} : { description: endpoint.description }),
    ...(endpoint.isPublic ? { security: [] } : {}),
    parameters: [
      ...inPath.map((name) => parameter(name, 'path')),
      ...inQuery.map((name) => parameter(name, 'query')),
      ...(isChange
        ? [
            {
              name: 'Idempotency-Key',
              in: 'header',
              required: false,
              description: 'Random; the same request with the same key is done once.',
              schema: { type: 'string', minLength: 8, maxLength: 200 },
            },
          ]
        : []),
    ],
    ...(inBody.length === 0
      ? {}
      : {
          requestBody: {
            required: inBody.some((name) => args.required?.includes(name)),
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: Object.fromEntries(inBody.map((name) => [name, args.properties?.[name]])),
                  required: (args.required ?? []).filter((name) => inBody.includes(name)),
                  additionalProperties: false,
                },
              },
            },
          },
        }),
    responses: {
      [String(endpoint.status ?? 200)]: {
        description: 'Done, durably.',
        content: { 'application/json': { schema: schemaOf(endpoint.result, 'output') } },
      },
      default: {
        description: 'Refused or failed.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _ours, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonSchema;
  return rest;
}

function errorSchema(): object {
  return {
    type: 'object',
    required: ['error'],
    properties: {
      error: {
        type: 'object',
        required: ['code', 'message', 'request_id'],
        properties: {
          code: { type: 'string', enum: errorCodes },
          message: { type: 'string' },
          hint: { type: 'string' },
          detail: { type: 'string' },
          request_id: { type: 'string' },
        },
      },
    },
  };
}
