/**
 * The path prefix under which a proxy serves the service. Routes do not know it: it is stripped from the URL of a
 * request before routing, and added to the URLs in answers. Requests without it are accepted too, from proxies that
 * strip it themselves, and from probes and Prometheus, which bypass the proxy.
 */
import type { FastifyInstance, FastifyServerOptions } from 'fastify'

type RewriteUrl = NonNullable<FastifyServerOptions['rewriteUrl']>

/** @returns Fastify's `rewriteUrl` */
export function withoutBasePath(basePath: string): RewriteUrl {
  return ({ url = '/' }) => {
    if (basePath === '' || !url.startsWith(basePath)) return url
    const rest = url.slice(basePath.length)
    if (rest === '' || rest.startsWith('?')) return `/${rest}`
    return rest.startsWith('/') ? rest : url
  }
}

/** Every `Location` that begins with a slash is ours; links in bodies are written by the routes. */
export function prefixAddresses(app: FastifyInstance, basePath: string): void {
  if (basePath === '') return
  // Pages refer to their parts relative to the trailing slash.
  app.addHook('onRequest', async ({ originalUrl, method }, reply) => {
    const rest = originalUrl.slice(basePath.length)
    if (!originalUrl.startsWith(basePath) || !/^(\?|$)/.test(rest) || (method !== 'GET' && method !== 'HEAD')) return
    return reply.redirect(`/${rest}`, 308)
  })
  app.addHook('onSend', async (_request, reply) => {
    const location = reply.getHeader('location')
    if (typeof location === 'string' && location.startsWith('/')) reply.header('location', `${basePath}${location}`)
  })
}
