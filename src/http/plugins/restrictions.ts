/** A condition or parameter that is ignored would change what it protects, or leaves out. */
import type { FastifyInstance } from 'fastify'
import { cutText } from '../../text.js'
import { safeMethods } from '../safe-methods.js'
import { type Misfit, RequestInvalid } from '../validation.js'

const namesMax = 20
const nameMaxLength = 200

/**
 * Changes are refused with conditions that the schema of their route does not declare, and they and searches with
 * parameters where it declares none at all; where it declares some, they are validated against it.
 */
export function refuseUnknownRestrictions(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ method, headers, query, routeOptions: { config, schema } }) => {
    if (schema === undefined || safeMethods.has(method)) return
    const declared = (schema.headers as { properties?: object } | undefined)?.properties ?? {}
    const conditions = ['if-match', 'if-none-match']
      .filter((name) => config.role !== 'read' && headers[name] !== undefined && !(name in declared))
      .map((name) => misfit('headers', name, 'is not a condition of this request; nothing has changed'))
    const parameters = Object.keys(schema.querystring === undefined ? (query as object) : {})
      .slice(0, namesMax)
      .map((name) => misfit('query', name, 'is unknown'))
    if (conditions.length + parameters.length > 0) throw new RequestInvalid([...conditions, ...parameters])
  })
}

function misfit(where: Misfit['in'], name: string, detail: string): Misfit {
  return { in: where, pointer: `/${cutText(name, nameMaxLength)}`, detail }
}
