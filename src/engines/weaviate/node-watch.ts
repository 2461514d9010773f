/**
 * Watches the server's nodes: when one returns, its indexes are repaired. One process does this for all; if two do, because
 * neither knows of the other, that is harmless.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { IndexRepair } from './index-repair.js'
import { isFreeFor, type NodeNote, type Noted } from './node-note.js'
import { sightNodes } from './node-probes.js'
import { NodeSightings } from './node-sightings.js'
import type { WeaviateServer } from './weaviate-server.js'

export interface NodeWatchOptions {
  /** Used for nothing else, so that waiting for a node that is away delays no search. */
  server: WeaviateServer
  note: NodeNote
  repair: IndexRepair
  /** Called when the nodes in doubt change: those that may lack what others have. By host, or by name behind a load balancer. */
  onDoubt: (hosts: ReadonlySet<string>) => void
  logger: Logger
}

type Known = Pick<Noted, 'soundUntil' | 'before' | 'inDoubt'>

const sightEveryMs = 1_000
const noteEveryMs = 5_000
/** Another process takes over if the note is not renewed for this long. */
const heldForMs = 15_000
/** A node that writes dates it by its own clock, which may be this far behind. */
const behindMs = 30_000
const retryMs = { first: 5_000, most: 30_000 }
/** A server that does not respond must not delay closing. */
const givenBackWithinMs = 1_000

export class NodeWatch {
  readonly #options: NodeWatchOptions
  readonly #id = randomUUID()
  readonly #closing = new AbortController()
  readonly #running: Promise<void>[]
  /** Undefined while another process watches the nodes, or while this is unknown. */
  #sightings: NodeSightings | undefined
  /** The process that was told that this one writes, too. */
  #joined = ''
  /** As the process left it whose note this one takes over. */
  #leftTerm: number | undefined
  /** The nodes in doubt as last reported. */
  #inDoubt = ''

  constructor(options: NodeWatchOptions) {
    this.#options = options
    this.#running = [
      this.#again(
        () => this.#note(),
        () => (this.#sightings === undefined ? sightEveryMs : noteEveryMs),
      ),
      this.#again(
        () => this.#sight(),
        () => sightEveryMs,
      ),
      this.#again(
        () => this.#repair(),
        () => sightEveryMs,
      ),
    ]
  }

  /** @param allWritten no write of this process has failed, which may have left pictures in the store and in no index */
  async close({ allWritten }: { allWritten: boolean }): Promise<void> {
    this.#closing.abort()
    if (this.#sightings !== undefined) {
      const givenBack = this.#giveBack(this.#sightings, allWritten).catch(() => {})
      await Promise.race([givenBack, sleep(givenBackWithinMs)])
    }
    await this.#options.server.close()
    await Promise.all(this.#running)
  }

  /**
   * With the term, the next process looks for lost pictures only if the node has restarted. It is left out if a write may have been cut
   * off: of other processes nobody knows.
   */
  async #giveBack(sightings: NodeSightings, allWritten: boolean): Promise<void> {
    const { note } = this.#options
    const { term } = sightings
    const isWhole = allWritten && term !== undefined && (await note.isAlone(this.#id).catch(() => false))
    await note.write({ ...this.#noteOf(sightings), until: 0, term: isWhole ? term : undefined })
  }

  /** Failures are retried: they mean that the server is unavailable, which callers are told anyway. */
  async #again(turn: () => Promise<void>, pauseMs: () => number): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      await turn().catch(() => {})
      await sleep(pauseMs(), undefined, { signal, ref: false }).catch(() => {})
    }
  }

  async #note(): Promise<void> {
    const { note } = this.#options
    const noted = await note.read()
    if (noted !== undefined && !isFreeFor(this.#id, noted, Date.now())) {
      this.#sightings = undefined
      this.#reportDoubt(noted.inDoubt ?? [])
      await this.#join(noted.holder)
      return
    }
    // if several processes find it free, the last one to write gets it, as the next read shows
    if (noted?.holder === this.#id) this.#sightings ??= new NodeSightings({ ...noted, term: this.#leftTerm })
    else this.#leftTerm = noted?.term
    await note.write({ ...this.#noteOf(this.#sightings ?? noted), until: Date.now() + heldForMs })
  }

  async #join(holder: string): Promise<void> {
    if (holder === this.#joined) return
    await this.#options.note.join(holder)
    this.#joined = holder
  }

  /** Without the term: if this process is killed, a change of its own may be half done. */
  #noteOf({ soundUntil, before, inDoubt }: Known = { soundUntil: {}, before: Date.now() }): Omit<Noted, 'until'> {
    return { holder: this.#id, soundUntil, before, inDoubt }
  }

  /** Other processes are told at once. */
  async #sight(): Promise<void> {
    if (this.#sightings === undefined) return
    const { seen, term } = await sightNodes(this.#options.server)
    const sightings = this.#sightings
    if (sightings === undefined) return
    sightings.record(seen, Date.now(), term)
    if (this.#reportDoubt(sightings.inDoubt))
      await this.#options.note.write({ ...this.#noteOf(sightings), until: Date.now() + heldForMs })
  }

  /** @returns whether the nodes in doubt have changed */
  #reportDoubt(names: readonly string[]): boolean {
    const inDoubt = names.join(' ')
    if (inDoubt === this.#inDoubt) return false
    this.#inDoubt = inDoubt
    this.#options.onDoubt(new Set(names))
    return true
  }

  async #repair(): Promise<void> {
    const since = this.#sightings?.inDoubtSince
    if (since === undefined) return
    const { logger, repair } = this.#options
    const wereGone = this.#sightings?.inDoubt ?? []
    if (wereGone.length > 0)
      logger.warn(
        { since: new Date(since) },
        'a Weaviate node was away: its indexes are checked for pictures written since then',
      )
    else
      logger.info(
        { since: new Date(since) },
        'no process watched the Weaviate nodes for a moment: their indexes are checked for pictures written since then',
      )
    for (let pauseMs = retryMs.first; ; pauseMs = Math.min(2 * pauseMs, retryMs.most)) {
      const sightings = this.#sightings
      const dueSince = sightings?.inDoubtSince
      if (sightings === undefined || this.#closing.signal.aborted) return
      try {
        if (dueSince !== undefined) {
          const began = Date.now()
          const done = await repair.run(dueSince - behindMs, this.#closing.signal)
          sightings.repaired(began)
          logger.info({ ...done, ms: Date.now() - began }, 'the indexes of all Weaviate nodes have these pictures')
          return
        }
      } catch (err) {
        if (this.#closing.signal.aborted) return
        logger.warn({ err }, 'the indexes of a Weaviate node could not be repaired yet; retrying later')
      }
      await sleep(pauseMs, undefined, { signal: this.#closing.signal, ref: false }).catch(() => {})
    }
  }
}
