/** Routes that derive the types of their requests and answers from their schemas. */
import type { FastifyPluginAsync, FastifyPluginOptions, FastifyTypeProvider, RawServerDefault } from 'fastify'
import type { Static, TSchema } from 'typebox'

/** A plugin that registers routes. */
export type Routes<Options extends FastifyPluginOptions> = FastifyPluginAsync<Options, RawServerDefault, SchemaTypes>
export type TypedApp = Parameters<Routes<FastifyPluginOptions>>[0]

/** What a route may return for a schema: an optional member may also be undefined, and is then not written. */
export type Answered<Schema extends TSchema> = WithUndefined<Static<Schema>>

type WithUndefined<Value> = unknown extends Value
  ? Value
  : {
      [Name in keyof Value]: WithUndefined<Value[Name]> | (Partial<Value> extends Pick<Value, Name> ? undefined : never)
    }

interface SchemaTypes extends FastifyTypeProvider {
  validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown
  serializer: this['schema'] extends TSchema ? Answered<this['schema']> : unknown
}
