/**
 * Writes, of which only deletions are accepted once the disk is full. They are writes themselves and need a little room,
 * so the first one that is refused gets that of the reserve; the others wait until the reserve can be taken again.
 */
import { AlikeError, hasCode } from '../../../errors.js'
import { Reserve } from './reserve.js'
import type { WriterCalls } from './writer-protocol.js'

export type Write = <Name extends keyof WriterCalls>(
  name: Name,
  request: WriterCalls[Name]['request'],
) => Promise<WriterCalls[Name]['reply']>

export interface ReservedWritesOptions {
  dataDir: string
  write: Write
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

export class ReservedWrites {
  readonly #options: ReservedWritesOptions
  readonly #reserve: Reserve
  /** Unfinished writes other than deletions. */
  readonly #others = new Set<Promise<unknown>>()

  constructor(options: ReservedWritesOptions) {
    this.#options = options
    this.#reserve = new Reserve(options.dataDir)
  }

  /** Why others than deletions are refused, as a sentence. */
  get refusal(): string | undefined {
    return this.#reserve.isReleased ? refusalDetail : undefined
  }

  /** @throws AlikeError `storage_full` */
  readonly write: Write = (name, request) => {
    if (onlyDeletes(name, request)) return this.#delete(name, request)
    if (this.#reserve.isReleased) return Promise.reject(new AlikeError('storage_full', { detail: refusalDetail }))
    const writing = this.#options.write(name, request)
    this.#others.add(writing)
    const forget = () => void this.#others.delete(writing)
    writing.then(forget, forget)
    return writing
  }

  /** Call it now and then. @returns whether the reserve has its room */
  takeReserve(): Promise<boolean> {
    return this.#reserve.take()
  }

  readonly #delete: Write = async (name, request) => {
    const { write } = this.#options
    const wasReleased = this.#reserve.isReleased
    try {
      return await write(name, request)
    } catch (error) {
      if (!hasCode(error, 'storage_full') || wasReleased || !(await this.#release())) throw error
    }
    try {
      return await write(name, request)
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
