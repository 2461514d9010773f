/** Turns answers into JSON: one serialiser for each distinct schema, built when it is first needed. */
import fastJsonStringify, { type ObjectSchema, type Schema } from 'fast-json-stringify'

type Serialiser = (answer: unknown) => string
type NamedSchemas = Readonly<Record<string, ObjectSchema>>

/**
 * Fastify's own factory builds one for each status of each route while the service starts, and checks every named schema
 * each time, which takes two seconds. Most answers are the same problem document, few refer to more than two names, and
 * building one takes milliseconds.
 */
export function serialiserFactory(named: unknown): (answer: { schema?: unknown }) => Serialiser {
  const made = new Map<string, Serialiser>()
  return ({ schema }) => {
    const text = JSON.stringify(schema)
    const known = made.get(text)
    if (known !== undefined) return known
    const referred = referredTo(schema as { $id?: string }, named as NamedSchemas)
    let compiled: Serialiser | undefined
    const serialiser: Serialiser = (answer) => {
      compiled ??= fastJsonStringify(withoutLimits(schema) as Schema, { schema: withoutLimits(referred) })
      return compiled(answer)
    }
    made.set(text, serialiser)
    return serialiser
  }
}

/** Of texts and numbers. Their values tell them from properties with such a name, whose value is a schema. */
const limits = ['minLength', 'maxLength', 'pattern', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']

/**
 * The serialiser chooses between alternatives by validating, and fails if none fits: a stored value beyond a limit, such as
 * one that an earlier version accepted, would turn every answer that shows it into an error.
 */
function withoutLimits<Part>(part: Part): Part {
  if (Array.isArray(part)) return part.map(withoutLimits) as Part
  if (typeof part !== 'object' || part === null) return part
  const kept = Object.entries(part).filter(([name, value]) => typeof value === 'object' || !limits.includes(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutLimits<unknown>(value)])) as Part
}

/**
 * The named schemas that a schema refers to (`$ref: 'Name#'`), and those to which they refer.
 * @throws Error for a name that does not exist
 */
function referredTo(schema: { $id?: string }, named: NamedSchemas): Record<string, ObjectSchema> {
  const found = new Map<string, ObjectSchema>()
  const follow = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return
    const { $ref } = part as { $ref?: unknown }
    const name = typeof $ref === 'string' ? $ref.split('#')[0]! : ''
    if (name !== '' && name !== schema.$id && !found.has(name)) {
      if (!Object.hasOwn(named, name)) throw new Error(`no schema is called ${name}`)
      found.set(name, named[name]!)
      follow(named[name])
    }
    for (const inner of Object.values(part)) follow(inner)
  }
  follow(schema)
  return Object.fromEntries(found)
}
