/**
 * The path below which a proxy shows the service. Routes do not know it: it is taken off the address of a request
 * before its route is looked for, and put before the addresses that answers name. A request without it is taken as well,
 * from proxies that take it off themselves, and from probes and Prometheus, which come past the proxy.
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

/** Every `Location` that begins with a slash is one of ours; what bodies link to is the routes' own part. */
export function prefixAddresses(app: FastifyInstance, basePath: string): void {
  if (basePath === '') return
  // Pages name what they consist of relative to the slash at the end.
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
