/**
 * Calls to the server: connects to one of its nodes on demand, and to another one if that does not answer. Every call may be repeated: reads
 * change nothing, and writes are idempotent.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AlikeError } from '../../errors.js'
import { SlowAnswer } from './rest-requests.js'
import { type NodeAccess, ServerConnection } from './server-connection.js'
import { errorOf, isAway } from './server-errors.js'
import { ServerNodes } from './server-nodes.js'
import type { WeaviateSettings } from './weaviate-settings.js'
import type { Undivided } from './whole-answers.js'

/**
 * Share of the timeout after which all attempts but the last are abandoned. A node keeps asking one that has died or
 * was cut off until it learns of that, some five seconds later; requests after that are answered. The last attempt has what remains.
 */
const firstAttempts = 1 / 4
/** Pause between attempts, multiplied by the failed ones: the nodes learn of each other's state. */
const pauseMs = 250
/** How long the status of the nodes may take, the first time and after one did not answer. */
const nodesWithinMs = { first: 5_000, again: 1_000 }

export class ServerCalls {
  readonly #settings: WeaviateSettings
  readonly #nodes: ServerNodes
  #connecting: Promise<ServerConnection> | undefined
  /** Used by calls in progress only. */
  readonly #leaving = new Set<Promise<ServerConnection>>()
  readonly #undivided: Undivided = new Set()
  #wasConnected = false
  #closed = false
  #unreachable: string | undefined

  constructor(settings: WeaviateSettings) {
    this.#settings = settings
    this.#nodes = new ServerNodes(settings)
  }

  /** Why the last call failed; undefined if it succeeded. */
  get unreachable(): string | undefined {
    return this.#unreachable
  }

  /** Each node, as far as addresses are known. */
  places(): Promise<{ url: string; grpcAddress: string }[]> {
    return this.#nodes.all()
  }

  /** @param hosts may lack what other nodes have, and are used only if no other answers */
  avoid(hosts: ReadonlySet<string>): void {
    this.#nodes.avoided = hosts
    if (this.#connecting !== undefined && this.#nodes.isOutdated) this.#leave(this.#connecting)
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const connecting of this.#leaving) closeOnceOpen(connecting)
    const connection = await this.#connecting?.catch(() => undefined)
    await connection?.close()
  }

  /**
   * All attempts together take no longer than the timeout.
   * @param signal aborted when nobody waits for the answer any more
   * @throws AlikeError as `WeaviateServer.call` does; the signal's reason
   */
  async ask<Reply>(ask: (node: NodeAccess) => Promise<Reply>, signal?: AbortSignal): Promise<Reply> {
    const { timeoutMs } = this.#settings
    const firstMs = timeoutMs * firstAttempts
    const until = performance.now() + timeoutMs
    // a node that is slow may be waiting for the others, which is over sooner than the whole timeout
    for (let [failures, wasSlow] = [0, false]; ; ) {
      if (this.#closed) throw new AlikeError('shutting_down')
      this.#connecting ??= this.#connect()
      const connecting = this.#connecting
      let isConnected = false
      let isLast = false
      try {
        const connection = await connecting
        isConnected = true
        const left = until - performance.now()
        isLast = (failures >= this.#nodes.count && !wasSlow) || left < 2 * firstMs
        const limitMs = isLast ? Math.max(left, firstMs) : firstMs
        const reply = await connection.attempt((node) => askStarted(ask, node), limitMs)
        this.#nodes.answered()
        this.#unreachable = undefined
        return reply
      } catch (error) {
        signal?.throwIfAborted() // an aborted call says nothing about the server
        const failure = errorOf(error)
        if (!isAway(failure)) throw failure
        failures++
        const isSlow = error instanceof SlowAnswer
        wasSlow ||= isSlow
        // a merely slow node is kept at first; a dead one may come back changed
        if (!isSlow) this.#forget(connecting)
        else if (failures > 1) this.#leave(connecting)
        const isOver = wasSlow ? isLast && isSlow : isLast || failures > this.#nodes.count
        if (isOver || performance.now() > until) {
          this.#unreachable = failure.message
          throw failure
        }
      }
      if (isConnected) await sleep(pauseMs * failures)
    }
  }

  async #connect(): Promise<ServerConnection> {
    const withinMs = this.#wasConnected ? nodesWithinMs.again : nodesWithinMs.first
    const terms = { nodesWithinMs: withinMs, undivided: this.#undivided }
    const connection = await ServerConnection.open(await this.#nodes.next(), this.#settings, terms)
    this.#wasConnected = true
    return connection
  }

  /** What is in progress may be answered yet. */
  #leave(connecting: Promise<ServerConnection>): void {
    if (this.#connecting !== connecting) return
    this.#connecting = undefined
    this.#leaving.add(connecting)
    setTimeout(() => {
      this.#leaving.delete(connecting)
      closeOnceOpen(connecting)
    }, this.#settings.timeoutMs).unref()
  }

  /** Cancels everything in progress: it was sent to a node that does not answer. */
  #forget(connecting: Promise<ServerConnection>): void {
    if (this.#connecting !== connecting) return
    this.#connecting = undefined
    closeOnceOpen(connecting)
  }
}

function closeOnceOpen(connecting: Promise<ServerConnection>): void {
  void connecting.then((connection) => connection.close()).catch(() => {})
}

/**
 * A starting node knows no collections yet: a missing collection counts only if the node had started before it is asked
 * again.
 */
async function askStarted<Reply>(ask: (node: NodeAccess) => Promise<Reply>, node: NodeAccess): Promise<Reply> {
  try {
    return await ask(node)
  } catch (error) {
    if (errorOf(error).code !== 'gallery_not_found') throw error
    await expectStarted(node)
    return ask(node)
  }
}

async function expectStarted({ client }: NodeAccess): Promise<void> {
  if (!(await client.isReady())) throw new Error('it is starting')
}
