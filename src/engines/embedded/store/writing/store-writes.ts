/**
 * The way of every write to the writer thread: a bounded number at a time, and on a full disk only deletions. They are
 * writes themselves and need a little room, so the first one that is refused gets that of the reserve; the others wait
 * until the reserve can be taken again. Between writes, rows of deleted galleries and sets are removed.
 */
import { AlikeError, hasCode } from '../../../../errors.js'
import { Reserve } from '../folder/reserve.js'
import { RowRemoval } from './row-removal.js'
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
  /** Whether the writer thread has opened the database. */
  isOpen: boolean
  /** Called before each write. @throws AlikeError `data_unreadable` if the database is no longer the one that was opened */
  expectOwnFile(): void
  /** Sends it to the writer thread. */
  send: Commit
  /** Called when the reserve has been given to deletions, before the refused one is repeated. */
  onReleased(): Promise<void>
  /** Called if it did not help: all writes are tried again. */
  onGivenUp(): void
  /** Called for the first of several failures to remove rows, and then once an hour. */
  onRemovalFailure(error: unknown): void
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
  readonly #removal: RowRemoval
  /** Unacknowledged. */
  readonly #underWay = new Set<Promise<unknown>>()
  /** Uncommitted ones other than deletions. */
  readonly #others = new Set<Promise<unknown>>()
  #isOpen: boolean
  #isClosing = false

  constructor(options: StoreWritesOptions) {
    this.#options = options
    this.#reserve = new Reserve(options.dataDir)
    this.#isOpen = options.isOpen
    this.#removal = new RowRemoval({
      step: () => this.#commit('purge', { shrinks: this.#reserve.isReleased }),
      onFailure: options.onRemovalFailure,
    })
    if (options.isOpen) this.#removal.start() // what a former process left unfinished
  }

  /** Unacknowledged writes. */
  get depth(): number {
    return this.#underWay.size
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Why writes, or others than deletions, are refused, as a sentence. */
  get refusal(): string | undefined {
    if (!this.#isOpen) return notOpenDetail
    return this.#reserve.isReleased ? onlyDeletionsDetail : undefined
  }

  /** Call it when the writer thread has opened the database. */
  open(): void {
    this.#isOpen = true
    this.#removal.start()
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
    return listedIn(this.#underWay, write(this.#commit))
  }

  /** Call it now and then while it is open. @returns whether the reserve has its room */
  takeReserve(): Promise<boolean> {
    if (this.#reserve.isReleased) this.#removal.start() // to shrink the database
    return this.#reserve.take()
  }

  /** Refuses new writes; resolves when the accepted ones have finished. */
  async close(): Promise<void> {
    this.#isClosing = true
    await Promise.allSettled(this.#underWay)
    await this.#removal.close()
  }

  readonly #commit: Commit = async (name, request) => {
    this.#options.expectOwnFile()
    if (onlyDeletes(name, request)) return this.#delete(name, request)
    if (this.#reserve.isReleased) throw new AlikeError('storage_full', { detail: onlyDeletionsDetail })
    return listedIn(this.#others, this.#send(name, request))
  }

  readonly #send: Commit = async (name, request) => {
    if (!this.#isOpen) throw new AlikeError('storage_full', { detail: notOpenDetail })
    const reply = await this.#options.send(name, request)
    if (name === 'deleteGallery' || name === 'removeSet') this.#removal.start()
    return reply
  }

  readonly #delete: Commit = async (name, request) => {
    const wasReleased = this.#reserve.isReleased
    try {
      return await this.#send(name, request)
    } catch (error) {
      if (!hasCode(error, 'storage_full') || wasReleased || !(await this.#release())) throw error
    }
    try {
      return await this.#send(name, request)
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

const notOpenDetail = 'It was opened without room for writes; they are taken again as soon as there is some.'
const onlyDeletionsDetail = 'Only deletions are accepted, in room that was kept for them, until there is more.'

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
