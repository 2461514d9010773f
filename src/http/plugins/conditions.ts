/** A condition that is ignored would change what it protects. */
import type { FastifyInstance } from 'fastify'
import { type Misfit, RequestInvalid } from '../validation.js'

/** Changes by routes whose schemas do not declare a condition are refused with it. */
export function refuseConditions(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ method, headers, routeOptions: { config, schema } }) => {
    const isChange = method !== 'GET' && method !== 'HEAD' && (config.role === 'write' || config.role === 'admin')
    if (!isChange) return
    const declared = (schema?.headers as { properties?: object } | undefined)?.properties ?? {}
    const refused = ['if-match', 'if-none-match'].filter((name) => headers[name] !== undefined && !(name in declared))
    if (refused.length === 0) return
    const detail = 'is not a condition of this request; nothing has changed'
    throw new RequestInvalid(refused.map((name): Misfit => ({ in: 'headers', pointer: `/${name}`, detail })))
  })
}
