/** Serves the console, the page at `/`, from the folder written by `npm run build`. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'

export interface ConsoleOptions {
  consoleEnabled: boolean
  /** Where it is by default: `dist/console`. */
  folder?: string | undefined
}

const builtFolder = fileURLToPath(new URL('../../../console/', import.meta.url))

/** Only the page's own files run in it, and it talks only to this service. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "img-src 'self' blob: data:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

/** Their names contain a hash of their content. Folders are not listed, and so are unknown paths. */
const assets = {
  prefix: '/assets/',
  index: false,
  allowedPath: (path: string) => !path.endsWith('/'),
  preCompressed: true,
  immutable: true,
  maxAge: '365d',
} as const

/** The page contains no data, so it is open even if keys are required. Without it, `/` leads to the list of links. */
export async function serveConsole(
  app: FastifyInstance,
  { consoleEnabled, folder = builtFolder }: ConsoleOptions,
): Promise<void> {
  const isBuilt = existsSync(join(folder, 'index.html'))
  if (consoleEnabled && !isBuilt) app.log.warn('the console is not built, so there is no page at /: run npm run build')
  const open = { config: { role: 'open' }, schema: { hide: true } } as const
  if (!consoleEnabled || !isBuilt) {
    // relative, so that it works below the base path of a reverse proxy
    app.get('/', open, async (_request, reply) => reply.redirect('v1'))
    return
  }
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('content-security-policy', contentSecurityPolicy)
    // otherwise a cache on the way would give a compressed file to those who cannot read it
    reply.header('vary', [reply.getHeader('vary') ?? [], 'Accept-Encoding'].flat().join(', '))
  })
  await app.register(fastifyStatic, { root: join(folder, 'assets'), ...assets })
  // not async: an awaited reply has more listeners than Node.js accepts without a warning
  for (const [url, file] of [
    ['/', 'index.html'],
    ['/icon.svg', 'icon.svg'],
  ] as const)
    app.get(url, open, (_request, reply) => {
      reply.header('cache-control', 'no-cache').sendFile(file, folder, { cacheControl: false })
    })
}
