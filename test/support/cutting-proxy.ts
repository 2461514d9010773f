/** A proxy between a client and PostgreSQL that cuts a connection around one statement, usually a COMMIT. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** `before`: it never reaches the server. `after`: the server commits, but its answer is lost. */
export type Cut = 'before' | 'after'

export interface CuttingProxy {
  /** Of the same database, through the proxy. */
  url: string
  /**
   * Cuts the next COMMIT of any connection.
   * @param options.away also cuts all other connections and accepts no new ones
   * @param options.of the COMMIT of a transaction with this text in one of its statements
   * @param options.at another statement instead, by a text in it
   */
  cutNext(cut: Cut, options?: { away?: boolean; of?: string; at?: string }): void
  /** How many have been cut. */
  readonly cuts: number
  /** All connections are cut, and none is accepted. */
  leave(): void
  /** Accepts connections again. */
  back(): void
  /** Holds back what clients send until the proxy continues; no connection is lost. */
  pause(): void
  goOn(): void
}

/** With its end: an isolation level is named like it. */
const commit = 'COMMIT\0'

/** Closed with the test. */
export async function cuttingProxy(t: TestContext, url: string): Promise<CuttingProxy> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  const clients = new Set<Socket>()
  let next: { cut: Cut; away: boolean; of: string; at: string } | undefined
  let cuts = 0
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
    let statements = ''
    client.on('data', (bytes) => {
      statements = (bytes.includes('BEGIN') ? '' : statements) + bytes.toString('latin1')
      const cut = next !== undefined && bytes.includes(next.at) && statements.includes(next.of) ? next : undefined
      if (cut !== undefined) {
        next = undefined
        isAway = cut.away
        isDeaf = true
        if (cut.cut === 'before') database.destroy()
      }
      if (!database.destroyed) database.write(bytes)
      if (cut?.cut !== 'before') return
      client.destroy()
      cuts++
    })
    database.on('data', (bytes) => {
      if (!isDeaf) return void client.write(bytes)
      for (const socket of isAway ? sockets : [client]) socket.destroy()
      database.end()
      cuts++
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
    cutNext: (cut, { away = false, of = '', at = commit } = {}) => void (next = { cut, away, of, at }),
    get cuts() {
      return cuts
    },
    leave() {
      isAway = true
      for (const socket of sockets) socket.destroy()
    },
    back: () => void (isAway = false),
    pause: () => clients.forEach((client) => client.pause()),
    goOn: () => clients.forEach((client) => client.resume()),
  }
}
