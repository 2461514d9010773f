/** Stands between a client and PostgreSQL, and cuts a connection around one COMMIT. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** `before`: the server never hears of it. `after`: the server commits, and nobody hears its answer. */
export type Cut = 'before' | 'after'

export interface CuttingProxy {
  /** Of the same database, by way of the proxy. */
  url: string
  /** The next COMMIT of any connection. @param away all others are cut with it, and none is taken from then on */
  cutNext(cut: Cut, options?: { away?: boolean }): void
  /** Connections are taken again. */
  back(): void
  /** What clients say waits until the proxy goes on; no connection is lost. */
  pause(): void
  goOn(): void
}

/** Closed with the test. */
export async function cuttingProxy(t: TestContext, url: string): Promise<CuttingProxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const clients = new Set<Socket>()
  let next: { cut: Cut; away: boolean } | undefined
  let isAway = false
  const server = createServer((client) => {
    sockets.add(client)
    clients.add(client)
    client.on('error', () => {})
    if (isAway) return client.destroy()
    const database = connect(Number(target.port), target.hostname)
    sockets.add(database)
    database.on('error', () => {})
    let isDeaf = false
    client.on('data', (bytes) => {
      const cut = bytes.includes('COMMIT') ? next : undefined
      if (cut !== undefined) {
        next = undefined
        isAway = cut.away
        isDeaf = true
        if (cut.cut === 'before') database.destroy()
      }
      if (!database.destroyed) database.write(bytes)
      if (cut?.cut === 'before') client.destroy()
    })
    database.on('data', (bytes) => {
      if (!isDeaf) return void client.write(bytes)
      for (const socket of isAway ? sockets : [client]) socket.destroy()
      database.end()
    })
    client.on('close', () => database.destroy())
    database.on('close', () => client.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const proxied = new URL(url)
  proxied.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: proxied.href,
    cutNext: (cut, { away = false } = {}) => void (next = { cut, away }),
    back: () => void (isAway = false),
    pause: () => clients.forEach((client) => client.pause()),
    goOn: () => clients.forEach((client) => client.resume()),
  }
}
