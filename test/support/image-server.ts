/** An HTTP server for third-party pictures, with configurable behaviour. */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface ImageServer {
  /** `127.0.0.1:PORT`. */
  host: string
  url: string
  port: number
  /** Requested paths. */
  requests: string[]
}

/** @param routes path → handler of the response; others are 404 */
export async function imageServer(
  t: TestContext,
  routes: Record<string, (response: ServerResponse) => unknown>,
): Promise<ImageServer> {
  const requests: string[] = []
  const server = createServer(({ url = '' }, response) => {
    requests.push(url)
    const route = routes[url]
    if (route === undefined) response.writeHead(404).end()
    else route(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { host: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}`, port, requests }
}
