/**
 * The way of every write to the writer thread: a bounded number at a time, and on a full disk only deletions. They are
 * writes themselves and need a little room, so the first one that is refused gets that of the reserve; the others wait
 * until the reserve can be taken again.
 */
import { AlikeError, hasCode } from '../../../../errors.js'
import { Reserve } from '../folder/reserve.js'
import type { WriterCalls } from './writer-protocol.js'

/** Resolves after the commit. */
export type Commit = <Name extends keyof WriterCalls>(
  name: Name,
  request: WriterCalls[Name]['request'],
) => Promise<WriterCalls[Name]['reply']>

export interface StoreWritesOptions {
  dataDir: string
  /** Maximum writes in flight; one more is refused. */
  max: number
  /** Called before each write. @throws AlikeError `data_unreadable` if the database is no longer the one that was opened */
  expectOwnFile(): void
  /** Sends it to the writer thread. */
  send: Commit
  /** Called when the reserve has been given to deletions, before the refused one is repeated. */
  onReleased(): Promise<void>
  /** Called if it did not help: all writes are tried again. */
  onGivenUp(): void
}

const deletions: ReadonlySet<keyof WriterCalls> = new Set([
  'deleteGallery',
  'removeSet',
  'deleteFitting',
  'removeDecision',
  'purge',
  'forgetRemoved',
  'forgetOriginals',
  'forgetJobs',
])

export class StoreWrites {
  readonly #options: StoreWritesOptions
  readonly #reserve: Reserve
  /** Unacknowledged. */
  readonly #underWay = new Set<Promise<unknown>>()
  /** Uncommitted ones other than deletions. */
  readonly #others = new Set<Promise<unknown>>()
  #isClosing = false

  constructor(options: StoreWritesOptions) {
    this.#options = options
    this.#reserve = new Reserve(options.dataDir)
  }

  /** Unacknowledged writes. */
  get depth(): number {
    return this.#underWay.size
  }

  /** Why others than deletions are refused, as a sentence. */
  get refusal(): string | undefined {
    return this.#reserve.isReleased ? refusalDetail : undefined
  }

  /** @throws AlikeError as `run`; `storage_full`; `data_unreadable` if the database was deleted or replaced */
  readonly commit: Commit = (name, request) => this.run((commit) => commit(name, request))

  /**
   * A write with everything that belongs to it before it is acknowledged; counts as one.
   * @throws AlikeError `shutting_down`, `overloaded`; what `write` throws
   */
  async run<Result>(write: (commit: Commit) => Promise<Result>): Promise<Result> {
    if (this.#isClosing) throw new AlikeError('shutting_down')
    if (this.#underWay.size >= this.#options.max) throw new AlikeError('overloaded', { retryAfterSeconds: 1 })
    return listedIn(this.#underWay, write(this.commitUnbounded))
  }

  /** For the store's own writes, of which there is one at a time. @throws AlikeError as `commit` once it is admitted */
  readonly commitUnbounded: Commit = async (name, request) => {
    this.#options.expectOwnFile()
    if (onlyDeletes(name, request)) return this.#delete(name, request)
    if (this.#reserve.isReleased) throw new AlikeError('storage_full', { detail: refusalDetail })
    return listedIn(this.#others, this.#options.send(name, request))
  }

  /** Call it now and then. @returns whether the reserve has its room */
  takeReserve(): Promise<boolean> {
    return this.#reserve.take()
  }

  /** Refuses new writes; resolves when the accepted ones have finished. */
  async close(): Promise<void> {
    this.#isClosing = true
    await Promise.allSettled(this.#underWay)
  }

  readonly #delete: Commit = async (name, request) => {
    const { send } = this.#options
    const wasReleased = this.#reserve.isReleased
    try {
      return await send(name, request)
    } catch (error) {
      if (!hasCode(error, 'storage_full') || wasReleased || !(await this.#release())) throw error
    }
    try {
      return await send(name, request)
    } catch (error) {
      // a maximum size of files or of the database: then the room is no use
      if (hasCode(error, 'storage_full')) await this.#giveUp()
      throw error
    }
  }

  async #giveUp(): Promise<void> {
    const wasReleased = this.#reserve.isReleased
    await this.#reserve.giveUp()
    if (wasReleased) this.#options.onGivenUp()
  }

  /** After the others that are under way, which would use the room up. @returns false if there is none */
  async #release(): Promise<boolean> {
    if (!(await this.#reserve.release(Promise.allSettled(this.#others)))) return false
    await this.#options.onReleased()
    return true
  }
}

const refusalDetail = 'Only deletions are accepted, in room that was kept for them, until there is more.'

/** A cancelled job counts as one: it may be what fills the disk. */
function onlyDeletes<Name extends keyof WriterCalls>(name: Name, request: WriterCalls[Name]['request']): boolean {
  if (name === 'transitionJob')
    return (request as WriterCalls['transitionJob']['request']).transition.to === 'cancelled'
  if (name !== 'changeImages') return deletions.has(name)
  return (request as WriterCalls['changeImages']['request']).steps.every((step) => 'remove' in step)
}

/** The promise is in the list until it is settled. */
export async function listedIn<Result>(list: Set<Promise<unknown>>, promise: Promise<Result>): Promise<Result> {
  list.add(promise)
  try {
    return await promise
  } finally {
    list.delete(promise)
  }
}
