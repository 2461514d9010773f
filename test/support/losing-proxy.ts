/** A proxy before an HTTP server that loses answers: the server has done what it was asked to, and the client is told nothing. */
import { request as ask, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface LosingProxy {
  url: string
  /** How many requests that change something have been answered or lost. */
  readonly changes: number
  /** Loses the answers of these changes, counted from 0 and from now on. */
  lose(...changes: number[]): void
}

/** Closed with the test. @param of only changes whose path begins with it are counted and lost; default: all */
export async function losingProxy(t: TestContext, url: string, of = '/'): Promise<LosingProxy> {
  const target = new URL(url)
  let [lost, changes]: [readonly number[], number] = [[], 0]
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url: path, headers } = incoming
    // `Host` is signed, and stays that of the proxy
    const asked = ask({ host: target.hostname, port: target.port, method, path, headers }, (answer) => {
      const isChange = !['GET', 'HEAD'].includes(method) && path!.startsWith(of)
      const isLost = isChange && lost.includes(changes++)
      if (isLost) return void answer.resume().on('end', () => incoming.socket.destroy())
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    asked.on('error', () => incoming.socket.destroy())
    incoming.pipe(asked)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get changes() {
      return changes
    },
    lose(...some) {
      lost = some
      changes = 0
    },
  }
}
