/** Validates requests against their TypeBox schemas, with error messages that callers can use. */
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import { AlikeError } from '../errors.js'
import { cutText } from '../text.js'
import { demandsOfPatterns } from './schemas/patterns.js'

export interface Misfit {
  /** Where the value was looked for. */
  in: 'path' | 'query' | 'headers' | 'body' | 'form'
  /** JSON pointer (RFC 6901); `/k` is the parameter or member `k`. */
  pointer: string
  detail: string
}

export class RequestInvalid extends AlikeError {
  readonly misfits: readonly Misfit[]

  constructor(misfits: readonly Misfit[]) {
    const [first] = misfits
    super(
      'request_invalid',
      first === undefined
        ? {}
        : { detail: `${first.pointer === '' ? `The ${first.in}` : first.pointer.slice(1)} ${first.detail}.` },
    )
    this.misfits = misfits
  }
}

/** About a parameter or member of that name. */
export type Invalid = (name: string, detail: string) => RequestInvalid

export function invalidIn(where: Misfit['in']): Invalid {
  return (name, detail) => new RequestInvalid([{ in: where, pointer: `/${name}`, detail }])
}

/** Of an object's schema: what to say about members that it does not have but others like it do, by name. */
export const detailsOfUnknown = Symbol('detailsOfUnknown')

const partNames: Record<string, Misfit['in']> = {
  params: 'path',
  querystring: 'query',
  headers: 'headers',
  body: 'body',
}

/**
 * Fastify's validator: TypeBox checks the same schema that provides the types and the OpenAPI document. Parameters
 * arrive as text and are converted to numbers, booleans and lists; JSON must have the right types.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart = 'body', ...rest }) => {
  // The schemas of pictures and forms are for the reference; `image-request.ts` reads and validates those bodies.
  const { contentType } = rest as { contentType?: string }
  if (contentType !== undefined && contentType !== 'application/json') return () => true

  const check = compileCheck(schema, partNames[httpPart] ?? 'body')
  return (value: unknown) => {
    try {
      return { value: check(httpPart === 'body' ? value : readTexts(schema, value)) }
    } catch (error) {
      return { error: error as RequestInvalid }
    }
  }
}

/**
 * Compiled for the first value, so that the service starts sooner: it takes a millisecond.
 * @returns a function that returns the value, or throws `RequestInvalid`
 */
export function compileCheck(schema: TSchema, where: Misfit['in']): (value: unknown) => unknown {
  let compiled: Validator | undefined
  return (value) => {
    compiled ??= Compile(withoutReferences(schema) as TSchema)
    const excess: Misfit[] = []
    const bounded = boundedIn(schema, value, { in: where, pointer: '' }, excess)
    if (excess.length === 0 && compiled.Check(value)) return value
    const errors = compiled.Errors(bounded).filter(({ keyword }) => excess.length === 0 || keyword !== 'minProperties')
    const misfits = [
      ...describe(errors, where).filter(({ pointer }) => !excess.some((misfit) => misfit.pointer === pointer)),
      ...excess.map((misfit) => ({ ...misfit, pointer: cutText(misfit.pointer, pointerMaxLength) })),
    ]
    throw new RequestInvalid(misfits.slice(0, misfitsMax))
  }
}

/**
 * Schemas referred to by name are validated by the code that reads them, with better messages: here they are just
 * objects.
 */
function withoutReferences(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutReferences)
  if (typeof schema !== 'object' || schema === null) return schema
  if ('$ref' in schema) return { type: 'object' }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withoutReferences(value)]))
}

/**
 * Unknown members and overlong lists are reported here: the validator would look at each member and entry, and there
 * may be hundreds of thousands.
 * @param excess receives the violations, up to the maximum reported
 * @returns the value without unknown members and without the excess of a list
 */
function boundedIn(schema: TSchema, value: unknown, place: Pick<Misfit, 'in' | 'pointer'>, excess: Misfit[]): unknown {
  const { type, properties, additionalProperties, maxItems } = schema as {
    type?: string
    properties?: Record<string, TSchema>
    additionalProperties?: unknown
    maxItems?: number
  }
  const { [detailsOfUnknown]: details } = schema as { [detailsOfUnknown]?: ReadonlyMap<string, string> }
  if (Array.isArray(value)) {
    if (type !== undefined && type !== 'array' && place.in !== 'body') {
      excess.push({ ...place, detail: 'must not be repeated' })
      return undefined
    }
    if (maxItems === undefined || value.length <= maxItems) return value
    if (excess.length < misfitsMax) excess.push({ ...place, detail: `must not have more than ${maxItems} items` })
    return value.slice(0, maxItems)
  }
  if (properties === undefined || additionalProperties !== false || typeof value !== 'object' || value === null)
    return value
  const given = value as Record<string, unknown>
  for (const name in given) {
    if (excess.length === misfitsMax) break
    if (!Object.hasOwn(properties, name))
      excess.push({ in: place.in, pointer: `${place.pointer}/${name}`, detail: details?.get(name) ?? 'is unknown' })
  }
  const members = Object.entries(properties).filter(([name]) => Object.hasOwn(given, name))
  return Object.fromEntries(
    members.map(([name, inner]) => [
      name,
      boundedIn(inner, given[name], { in: place.in, pointer: `${place.pointer}/${name}` }, excess),
    ]),
  )
}

/** Converts texts to what the schema requires. What cannot be converted stays text, and then fails validation. */
export function readTexts(schema: TSchema, value: unknown): unknown {
  const { properties } = schema as { properties?: Record<string, TSchema> }
  if (properties === undefined || typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, given]) => [
      name,
      Object.hasOwn(properties, name) ? readText(properties[name]!, given) : given,
    ]),
  )
}

/** Of a parameter that is an object as JSON text; a form may send the object itself. */
export const jsonText = { contentMediaType: 'application/json' } as const

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readText(schema: TSchema, given: unknown): unknown {
  const { type, items, contentMediaType } = schema as { type?: string; items?: TSchema; contentMediaType?: string }
  if (type === 'array' && items !== undefined) return [given].flat().map((item) => readText(items, item))
  if (contentMediaType === jsonText.contentMediaType && isObject(given)) return JSON.stringify(given)
  if (typeof given !== 'string') return given
  if (type === 'integer' || type === 'number')
    return /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(given) ? Number(given) : given
  if (type === 'boolean') return { true: true, 1: true, '': true, false: false, 0: false }[given.toLowerCase()] ?? given
  return given
}

/** Maximum violations reported; of an unknown name, which comes from the caller, only the beginning is shown. */
const misfitsMax = 20
const pointerMaxLength = 200

/** Undefined where the pattern, or the lack of one, says enough. */
function demandOf(params: object): string | undefined {
  return 'pattern' in params ? demandsOfPatterns[String(params.pattern)] : undefined
}

/** One violation per location: alternatives are reported as a choice, unknown members by name. */
function describe(errors: TLocalizedValidationError[], where: Misfit['in']): Misfit[] {
  const misfits = new Map<string, string>()
  for (const { keyword, instancePath, params, message } of errors) {
    if (keyword === 'additionalProperties') {
      for (const name of (params as { additionalProperties: string[] }).additionalProperties.slice(0, misfitsMax))
        misfits.set(`${instancePath}/${name}`, 'is unknown')
      continue
    }
    if (keyword === 'enum') {
      misfits.set(instancePath, `must be one of ${(params as { allowedValues: unknown[] }).allowedValues.join(', ')}`)
      continue
    }
    const choice = keyword === 'const' ? String((params as { allowedValue: unknown }).allowedValue) : undefined
    const former = misfits.get(instancePath)
    if (choice !== undefined)
      misfits.set(
        instancePath,
        former?.startsWith('must be one of') ? `${former}, ${choice}` : `must be one of ${choice}`,
      )
    else if (former === undefined) misfits.set(instancePath, demandOf(params) ?? message)
  }
  return [...misfits]
    .slice(0, misfitsMax)
    .map(([pointer, detail]) => ({ in: where, pointer: cutText(pointer, pointerMaxLength), detail }))
}
