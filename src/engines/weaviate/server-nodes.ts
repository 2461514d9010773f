/**
 * Selects the node to use. A name with several addresses means as many nodes, each of which can answer for all of them:
 * one is chosen at random, so that several processes spread over them, and the next one as soon as it does not answer.
 * A single address may be a load balancer and is used as it is; so is a name under TLS, because certificates are issued
 * for names.
 */
import { lookup } from 'node:dns/promises'
import type { WeaviateSettings } from './weaviate-settings.js'

export interface ServerNode {
  rest: URL
  grpcHost: string
  grpcPort: number
}

type AddressesOf = (name: string) => Promise<{ address: string; family: number }[]>
const lookUp: AddressesOf = (name) => lookup(name, { all: true })

export class ServerNodes {
  readonly #rest: URL
  readonly #grpc: URL
  readonly #addressesOf: AddressesOf
  #current: string | undefined
  #known: readonly string[] = []
  /** Left since one last answered. */
  readonly #left = new Set<string>()
  /** May lack what other nodes have: used only if no other answers. */
  avoided: ReadonlySet<string> = new Set()

  constructor({ url, grpcAddress }: Pick<WeaviateSettings, 'url' | 'grpcAddress'>, addressesOf: AddressesOf = lookUp) {
    this.#rest = new URL(url)
    this.#grpc = new URL(`grpc://${grpcAddress}`)
    this.#addressesOf = addressesOf
  }

  /** Number of nodes at the last look-up. */
  get count(): number {
    return Math.max(1, this.#known.length)
  }

  /** The current node is avoided, and there is another. */
  get isOutdated(): boolean {
    return (
      this.#current !== undefined &&
      this.avoided.has(this.#current) &&
      this.#known.some((host) => !this.avoided.has(host))
    )
  }

  /** The current node has answered. */
  answered(): void {
    this.#left.clear()
  }

  /** A different node from last time if there are several. @throws if the name has no address */
  async next(): Promise<ServerNode> {
    const hosts = await this.#hosts()
    this.#known = hosts
    this.#current = this.#chosen(hosts)
    const rest = new URL(this.#rest)
    rest.hostname = this.#current
    const isOneHost = this.#grpc.hostname === this.#rest.hostname
    return {
      rest,
      grpcHost: isOneHost ? rest.hostname : this.#grpc.hostname,
      grpcPort: portOf(this.#grpc, rest.protocol === 'https:'),
    }
  }

  /** Each is tried before one is tried again. */
  #chosen(hosts: readonly string[]): string {
    const before = this.#current === undefined ? Math.floor(Math.random() * hosts.length) : hosts.indexOf(this.#current)
    if (this.#current !== undefined) this.#left.add(this.#current)
    const inTurn = hosts.map((_, n) => hosts[(before + 1 + n) % hosts.length]!)
    if (inTurn.every((host) => this.#left.has(host))) this.#left.clear()
    const due = inTurn.filter((host) => !this.#left.has(host))
    return due.find((host) => !this.avoided.has(host)) ?? due[0]!
  }

  /** Each node, as far as addresses are known. */
  async all(): Promise<{ url: string; grpcAddress: string }[]> {
    return (await this.#hosts()).map((host) => {
      const rest = new URL(this.#rest)
      rest.hostname = host
      const grpcHost = this.#grpc.hostname === this.#rest.hostname ? host : this.#grpc.hostname
      return { url: rest.href, grpcAddress: this.#grpc.port === '' ? grpcHost : `${grpcHost}:${this.#grpc.port}` }
    })
  }

  async #hosts(): Promise<string[]> {
    const { hostname, protocol } = this.#rest
    if (protocol === 'https:') return [hostname]
    const found = await this.#addressesOf(hostname.replace(/^\[|\]$/g, ''))
    const hosts = found.map(({ address, family }) => (family === 6 ? `[${address}]` : address))
    return hosts.length > 1 ? [...new Set(hosts)].sort() : [hostname]
  }
}

export function portOf(url: URL, secure: boolean): number {
  return url.port === '' ? (secure ? 443 : 80) : Number(url.port)
}
