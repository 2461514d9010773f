/** The contract, generated from the routes' own schemas: `/openapi.yaml`. */
import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import type { TSchema } from 'typebox'
import { stringify } from 'yaml'
import { serviceVersion } from '../../version.js'
import { Diagnosis, Duplicates, Evaluation, LaidOut } from '../schemas/analysis.js'
import { Calibration } from '../schemas/calibration.js'
import { Caller } from '../schemas/caller.js'
import { Decision } from '../schemas/decision.js'
import { EmbeddingSet, Gate } from '../schemas/embedding-set.js'
import { Explanation } from '../schemas/explain.js'
import { FeedbackAnswer } from '../schemas/feedback.js'
import { GalleryFields } from '../schemas/fields.js'
import { Filter } from '../schemas/filter.js'
import { Gallery } from '../schemas/gallery.js'
import { GalleryOptions } from '../schemas/gallery-options.js'
import { Image } from '../schemas/image.js'
import { Job } from '../schemas/job.js'
import { Layout } from '../schemas/layout.js'
import { Model, ModelCard } from '../schemas/model.js'
import { Problem } from '../schemas/problem.js'
import { JoinedSearchAnswer, SearchAnswer } from '../schemas/search.js'
import { SearchBatchAnswer } from '../schemas/search-batch.js'
import { Snapshot } from '../schemas/snapshot.js'
import { CompareAnswer, EmbeddingAnswer } from '../schemas/vectors.js'

const namedSchemas: readonly TSchema[] = [
  Calibration,
  Caller,
  Decision,
  EmbeddingSet,
  Gate,
  Explanation,
  FeedbackAnswer,
  Filter,
  Gallery,
  GalleryFields,
  GalleryOptions,
  Image,
  Job,
  Model,
  ModelCard,
  Problem,
  SearchAnswer,
  JoinedSearchAnswer,
  SearchBatchAnswer,
  EmbeddingAnswer,
  CompareAnswer,
  Evaluation,
  Duplicates,
  Diagnosis,
  LaidOut,
  Layout,
  Snapshot,
]

export async function describeApi(app: FastifyInstance, { basePath }: { basePath: string }): Promise<void> {
  for (const schema of namedSchemas) app.addSchema(schema)

  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Alike',
        version: serviceVersion,
        description:
          'Image retrieval: send a picture, get the ids of the most similar pictures in a gallery, ranked. Errors are `application/problem+json` (RFC 9457) with a stable `code`. A change whose parameters do not list `If-Match` or `If-None-Match` is refused with it.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: basePath === '' ? '/' : basePath }],
      // the last one is empty: a service without configured keys is open
      security: [{ bearer: [] }, { apiKey: [] }, {}],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'An API key, or a token of the configured issuer.' },
          apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
      tags: [
        { name: 'search', description: 'Send a picture, get ranked ids.' },
        { name: 'galleries', description: 'Collections of pictures that are searched as a whole.' },
        { name: 'images', description: 'Stored pictures.' },
        { name: 'analysis', description: 'Quality, near-copies and problems of a gallery.' },
        { name: 'feedback', description: 'Judgements of hits, and decisions on findings.' },
        { name: 'jobs', description: 'Bulk uploads, and the progress of all jobs.' },
        { name: 'models', description: 'The models that produce embeddings.' },
        { name: 'snapshots', description: 'Copies of the data, to be stored elsewhere.' },
        { name: 'operations', description: 'Probes, metrics, links.' },
      ],
    },
    transformObject: (document) =>
      'openapiObject' in document ? withOptionalBodies(document.openapiObject) : document.swaggerObject,
    refResolver: {
      buildLocalReference: (schema, _base, _fragment, index) =>
        typeof schema.$id === 'string' ? schema.$id : `schema-${index}`,
    },
  })

  // the routes are final by then, and generating it takes as long as many searches
  let yaml: Buffer | undefined
  app.get('/openapi.yaml', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/yaml').send((yaml ??= Buffer.from(openApiYaml(app)))),
  )
}

/** Operations that can be called without a body; the generator would mark every body as required. */
const bodyOptional = new Set([
  'createGallery',
  'search',
  'searchGalleries',
  'evaluate',
  'findDuplicates',
  'examine',
  'layOut',
])

function withOptionalBodies<Document extends { paths?: object }>(document: Document): Document {
  for (const methods of Object.values(document.paths ?? {}) as Record<
    string,
    { operationId?: string; requestBody?: { required?: boolean } }
  >[]) {
    for (const { operationId = '', requestBody } of Object.values(methods)) {
      if (requestBody !== undefined && bodyOptional.has(operationId)) requestBody.required = false
    }
  }
  return document
}

/** For any YAML reader: no anchors, and quotes where an old one would see a date. */
export function openApiYaml(app: FastifyInstance): string {
  return stringify(app.swagger(), { aliasDuplicateObjects: false, compat: 'yaml-1.1', lineWidth: 120 })
}
