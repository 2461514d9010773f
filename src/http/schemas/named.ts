/** Schemas with a name: defined once in the OpenAPI document, referred to by routes. */
import { type Static, type TObject, type TUnsafe, Type } from 'typebox'

const definitions = new WeakSet<TObject>()

/** Gives a schema the name under which the document and the serialiser know it. */
export function named<Schema extends TObject>(name: string, schema: Schema): Schema {
  const definition = Object.assign(schema, { $id: name })
  definitions.add(definition)
  return definition
}

/** `$ref` to a named schema, of the same static type. */
export function reference<Schema extends TObject>(schema: Schema): TUnsafe<Static<Schema>> {
  const { $id } = schema as { $id?: string }
  return Type.Unsafe<Static<Schema>>({ $ref: `${$id}#` })
}
