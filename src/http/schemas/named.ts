/** Schemas with a name: defined once in the OpenAPI document, referred to by routes. */
import { type Static, type TSchema, type TUnsafe, Type } from 'typebox'

/** Gives a schema the name under which the document and the serialiser know it. */
export function named<Schema extends TSchema>(name: string, schema: Schema): Schema {
  return Object.assign(schema, { $id: name })
}

/** `$ref` to a named schema, of the same static type. */
export function reference<Schema extends TSchema>(schema: Schema): TUnsafe<Static<Schema>> {
  const { $id } = schema as { $id?: string }
  return Type.Unsafe<Static<Schema>>({ $ref: `${$id}#` })
}
