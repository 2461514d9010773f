/** An app whose routes derive the types of their requests and answers from their schemas. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'

export type TypedApp = Parameters<FastifyPluginAsyncTypebox>[0]
