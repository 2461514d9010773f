/** The real service for a test: real model, real database, a temporary data folder, removed afterwards. */
import type { TestContext } from 'node:test'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import { pino } from 'pino'
import type { Static } from 'typebox'
import type { Config } from '../../src/config/config.js'
import { readConfig } from '../../src/config/read-config.js'
import type { Gallery } from '../../src/http/schemas/gallery.js'
import type { Image } from '../../src/http/schemas/image.js'
import type { Job } from '../../src/http/schemas/job.js'
import type { Problem } from '../../src/http/schemas/problem.js'
import type { SearchAnswer } from '../../src/http/schemas/search.js'
import type { RemoteImages } from '../../src/remote/remote-images.js'
import { openService, type Service } from '../../src/service/service.js'
import { handmadeModel } from './handmade-onnx.js'
import { temporaryFolder } from './temporary-folder.js'
import { settingsOf, sharedWeaviate } from './weaviate-server.js'

export { temporaryFolder } from './temporary-folder.js'

export interface TestApp extends Service {
  config: Config
  app: FastifyInstance
  /** Lines of the log, as objects. */
  log: Record<string, unknown>[]
  /** Sends a request that must be answered with `status`; returns the response's JSON. */
  call<Given = Answer>(status: number, request: InjectOptions): Promise<Given>
  /** Listens on a free port and returns its address. */
  listen(): Promise<string>
}

/** Every member that any response has. A test that reads one its response lacks gets undefined, and fails. */
export interface Answer
  extends Problem,
    Omit<Static<typeof Gallery>, 'unreadable'>,
    Omit<Static<typeof Image>, 'bytes' | 'createdAt' | 'updatedAt' | 'modelId'> {
  bytes: number
  galleries: Static<typeof Gallery>[]
  images: Static<typeof Image>[]
  nextCursor?: string
  labels: { label: string | null; count: number }[]
  hits: Static<typeof SearchAnswer>['hits']
  groups: NonNullable<Static<typeof SearchAnswer>['groups']>
  vote: NonNullable<Static<typeof SearchAnswer>['vote']>
  method: string
  vector?: number[]
  durations: Record<string, number>
  jobs: Static<typeof Job>[]
}

/**
 * Closed after the test, and its folders removed. Defaults: the handmade model, and a `remote` according to the
 * configuration.
 */
export async function startApp(
  t: TestContext,
  overrides: Partial<Config> = {},
  remote?: RemoteImages,
): Promise<TestApp> {
  const log: Record<string, unknown>[] = []
  const logger = pino(
    { level: overrides.logLevel ?? 'info', base: null },
    { write: (line) => void log.push(JSON.parse(line)) },
  )
  const config: Config = Object.freeze({
    ...readConfig({}),
    dataDir: overrides.dataDir ?? (await temporaryFolder(t)),
    modelDir: overrides.modelDir ?? (await handmadeModel(t, { dimension: 24 })).folder,
    provider: 'cpu',
    embedWorkers: 1,
    decoderProcesses: '0',
    host: '0.0.0.0', // so that requests may name any host, as in a container
    port: 0,
    ...(await engineUnderTest()),
    ...overrides,
  } satisfies Config)
  const service = await openService({ config, logger, environment: process.env, remote })
  t.after(() => service.close())

  return {
    ...service,
    config,
    log,
    async call<Given>(status: number, request: InjectOptions) {
      const response = await service.app.inject(request)
      expectDocumented(service.app, request, response)
      if (response.statusCode !== status)
        throw new Error(`${request.method ?? 'GET'} ${String(request.url)}: ${response.statusCode} ${response.body}`)
      return bodyOf(response) as Given
    },
    listen: () => service.app.listen({ host: '127.0.0.1', port: 0 }),
  }
}

/** `TEST_ENGINE=weaviate`: new galleries use a real server in this process, for engine-independent suites. */
async function engineUnderTest(): Promise<Partial<Config>> {
  if (process.env['TEST_ENGINE'] !== 'weaviate') return {}
  return { ...settingsOf(await sharedWeaviate()), defaultEngine: 'weaviate' }
}

type Operations = Record<string, { responses?: object }>

/** Paths as patterns, with what they answer. All apps have one contract, and generating it takes as long as many requests. */
let contract: { pattern: RegExp; path: string; operations: Operations }[] | undefined

function contractOf(app: FastifyInstance): NonNullable<typeof contract> {
  return Object.entries(app.swagger().paths as Record<string, Operations>).map(([path, operations]) => ({
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
    path,
    operations,
  }))
}

/** Clients are generated from the contract: a status that it lacks would be a surprise to them. */
function expectDocumented(
  app: FastifyInstance,
  { method = 'GET', url }: InjectOptions,
  { statusCode, body }: LightMyRequestResponse,
) {
  const asked = String(url).split('?')[0]!
  contract ??= contractOf(app)
  for (const { pattern, path, operations } of contract) {
    const responses = pattern.test(asked) ? operations[method.toLowerCase()]?.responses : undefined
    // what nobody expects is documented nowhere
    if (responses === undefined || statusCode === 500 || statusCode in responses) continue
    throw new Error(`${method} ${path}: ${statusCode} is not in openapi.yaml: ${body}`)
  }
}

function bodyOf(response: LightMyRequestResponse): unknown {
  return String(response.headers['content-type']).includes('json') ? response.json() : response.body
}
