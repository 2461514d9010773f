/** Turns answers into JSON: one serialiser for each distinct schema of an answer, made while routes are registered. */
import fastJsonStringify, { type ObjectSchema, type Schema } from 'fast-json-stringify'

type Serialiser = (answer: unknown) => string
type NamedSchemas = Readonly<Record<string, ObjectSchema>>

/**
 * Fastify's own makes one for each status of each route, and checks every named schema each time: two seconds of a start.
 * Most answers are the same problem document, and few refer to more than two names.
 */
export function serialiserFactory(named: unknown): (answer: { schema?: unknown }) => Serialiser {
  const made = new Map<string, Serialiser>()
  return ({ schema }) => {
    const text = JSON.stringify(schema)
    const known = made.get(text)
    if (known !== undefined) return known
    const serialiser = fastJsonStringify(schema as Schema, {
      schema: referredTo(schema as { $id?: string }, named as NamedSchemas),
    })
    made.set(text, serialiser)
    return serialiser
  }
}

/** The named schemas that a schema refers to (`$ref: 'Name#'`), and those to which they refer. */
function referredTo(schema: { $id?: string }, named: NamedSchemas): Record<string, ObjectSchema> {
  const found = new Map<string, ObjectSchema>()
  const follow = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return
    const { $ref } = part as { $ref?: unknown }
    const name = typeof $ref === 'string' ? $ref.split('#')[0]! : ''
    const target = Object.hasOwn(named, name) && name !== schema.$id ? named[name] : undefined
    if (target !== undefined && !found.has(name)) {
      found.set(name, target)
      follow(target)
    }
    for (const inner of Object.values(part)) follow(inner)
  }
  follow(schema)
  return Object.fromEntries(found)
}
