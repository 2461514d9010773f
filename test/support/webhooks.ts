/** Webhooks of a test, and a server that receives them. */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import type { JobStore, PendingWebhook } from '../../src/jobs/job-store.js'
import { Webhooks, type WebhooksOptions } from '../../src/jobs/webhooks.js'
import { WebhookRequests } from '../../src/remote/webhook-requests.js'

const silent = { info: () => {}, warn: () => {}, error: () => {} }
export const webhookSecret = `whsec_${Buffer.from('a secret of thirty-two bytes, so').toString('base64')}`

/** Without a list of hosts, no webhook may be sent. */
export function webhooksOf(
  jobs: JobStore,
  { allowedHosts = '', ...more }: Partial<WebhooksOptions> & { allowedHosts?: string } = {},
): Webhooks {
  const sender = new WebhookRequests({ webhookAllowedHosts: allowedHosts, webhookTimeoutMs: 5_000 })
  const secret = allowedHosts === '' ? '' : webhookSecret
  return new Webhooks({ jobs, sender, secret, attemptsMax: 5, firstPauseMs: 20, logger: silent, ...more })
}

/** Those due now, reserved for the process of this store. */
export async function dueWebhooks(jobs: JobStore, room = 8): Promise<PendingWebhook[]> {
  const { due } = await jobs.webhooks(room, { now: new Date().toISOString(), latest: ['9999'] })
  return due
}

export interface TakenWebhook {
  headers: IncomingHttpHeaders
  body: string
}

/** Responds with these statuses in sequence, repeating the last one. */
export async function webhookServer(
  t: TestContext,
  statuses: number[],
): Promise<{ host: string; url: string; taken: TakenWebhook[] }> {
  const taken: TakenWebhook[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      taken.push({ headers: request.headers, body })
      response.writeHead(statuses[Math.min(taken.length, statuses.length) - 1]!).end()
    })
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { host, url: `http://${host}/ended?of=jobs`, taken }
}
