/**
 * Rankings whose further pages may be requested, kept in memory for a while, and the tokens that name a position in
 * one. A token is valid only for the caller and the gallery it was issued for, and only in this process.
 */
import { createHmac, randomBytes, randomInt, timingSafeEqual } from 'node:crypto'
import { AlikeError } from '../errors.js'
import type { Ranking } from './gallery-ranking.js'

export interface KeptRankingsSettings {
  /** Maximum number of rankings; the least recently used one is dropped. */
  rankingsMax: number
  /** Approximate memory of all of them; the newest is kept whatever it takes. */
  rankingsMaxBytes: number
  /** Time after the last page that was requested. */
  expirySeconds: number
}

export interface KeptRankingsOptions extends KeptRankingsSettings {
  /** Milliseconds of a monotonic clock. */
  now: () => number
  /** `expired`: its next page was not requested in time. `displaced`: dropped for other rankings. */
  onDrop: (reason: 'expired' | 'displaced') => void
}

export const keptRankingsDefaults: Readonly<KeptRankingsSettings> = Object.freeze({
  rankingsMax: 1_000,
  rankingsMaxBytes: 64 * 2 ** 20,
  expirySeconds: 300,
})

/** A ranking and the set it was computed from, which may no longer serve its gallery. */
export interface KeptRanking {
  ranking: Ranking
  modelId: string
  /** Of its galleries. */
  names: readonly string[]
  setUids: readonly string[]
}

const uidSeparator = '+'

/** The galleries of a search as one text. */
export const joinedUids = (uids: readonly string[]): string => uids.join(uidSeparator)

/** The caller it belongs to. */
export interface RankingOwner {
  /** See `joinedUids`. */
  gallery: string
  caller: string
}

/** A ranking and a position in it. */
export interface FoundPage extends KeptRanking {
  place: number
  /**
   * Call it when the page has been computed: the ranking may have grown.
   * @param place a later position; undefined if there is none
   * @returns its token
   */
  nextAt(place: number | undefined): string | undefined
}

interface Kept {
  kept: KeptRanking
  gallery: string
  bytes: number
  expiresAt: number
  /** Its gallery or set was deleted. */
  isOver: boolean
}

/**
 * A token: number of the ranking, position in it, and a signature over both and the owner. Numbers are random: counted
 * up, they would tell each caller how many rankings are kept for all others.
 */
const placeBytes = 6 + 4
const signatureBytes = 16
const numbersMax = 2 ** 48 - 1

export class KeptRankings {
  readonly #options: KeptRankingsOptions
  readonly #secret = randomBytes(32)
  /** Least recently used first. */
  readonly #kept = new Map<number, Kept>()
  #bytes = 0

  constructor(options: KeptRankingsOptions) {
    this.#options = options
  }

  get count(): number {
    this.#expire()
    return this.#kept.size
  }

  get bytes(): number {
    this.#expire()
    return this.#bytes
  }

  /** @returns a token for the page that begins at `place` */
  keep(kept: KeptRanking, place: number, owner: RankingOwner): string {
    const number = randomInt(numbersMax)
    this.#hold(number, { kept, gallery: owner.gallery, bytes: 0, expiresAt: 0, isOver: false })
    return this.#token(number, place, owner)
  }

  /** @throws AlikeError `page_expired` for a token that is no longer known, or never was */
  find(token: string, owner: RankingOwner): FoundPage {
    const { decoded, number, kept } = this.#signed(token, owner.caller)
    if (kept.gallery !== owner.gallery) throw new AlikeError('page_expired')
    this.#hold(number, kept)
    const nextAt = (place: number | undefined) => {
      // it may have been displaced while the page was computed
      if (!kept.isOver) this.#hold(number, kept)
      return place === undefined ? undefined : this.#token(number, place, owner)
    }
    return { ...kept.kept, place: decoded.readUInt32BE(6), nextAt }
  }

  /**
   * The names of the galleries that its ranking covers.
   * @throws AlikeError `page_expired`, also if the token was issued to another caller
   */
  namesOf(token: string, caller: string): readonly string[] {
    return this.#signed(token, caller).kept.kept.names
  }

  /** Drops the rankings of a gallery that was deleted, also of searches over several. */
  forget(gallery: string): void {
    this.#end((kept) => kept.gallery.split(uidSeparator).includes(gallery))
  }

  /** Drops the rankings of a set that was deleted. */
  forgetSet(setUid: string): void {
    this.#end(({ kept }) => kept.setUids.includes(setUid))
  }

  #end(isOf: (kept: Kept) => boolean): void {
    for (const [number, kept] of this.#kept) {
      if (!isOf(kept)) continue
      kept.isOver = true
      this.#drop(number)
    }
  }

  /** @throws AlikeError `page_expired` for one that was not issued to this caller, too */
  #signed(token: string, caller: string): { decoded: Buffer; number: number; kept: Kept } {
    this.#expire()
    const decoded = Buffer.from(token, 'base64url')
    if (decoded.length !== placeBytes + signatureBytes) throw new AlikeError('page_expired')
    const number = decoded.readUIntBE(0, 6)
    const kept = this.#kept.get(number)
    if (kept === undefined) throw new AlikeError('page_expired')
    const expected = this.#sign(decoded.subarray(0, placeBytes), { gallery: kept.gallery, caller })
    if (!timingSafeEqual(decoded.subarray(placeBytes), expected)) throw new AlikeError('page_expired')
    return { decoded, number, kept }
  }

  #hold(number: number, kept: Kept): void {
    const { rankingsMax, rankingsMaxBytes, expirySeconds, now, onDrop } = this.#options
    this.#drop(number)
    this.#expire()
    kept.bytes = kept.kept.ranking.bytes
    kept.expiresAt = now() + expirySeconds * 1_000
    this.#kept.set(number, kept)
    this.#bytes += kept.bytes
    for (const oldest of this.#kept.keys()) {
      if (oldest === number || (this.#kept.size <= rankingsMax && this.#bytes <= rankingsMaxBytes)) break
      this.#drop(oldest)
      onDrop('displaced')
    }
  }

  #expire(): void {
    const now = this.#options.now()
    for (const [number, { expiresAt }] of this.#kept) {
      if (expiresAt > now) break
      this.#drop(number)
      this.#options.onDrop('expired')
    }
  }

  #drop(number: number): void {
    this.#bytes -= this.#kept.get(number)?.bytes ?? 0
    this.#kept.delete(number)
  }

  #token(number: number, place: number, owner: RankingOwner): string {
    const places = Buffer.alloc(placeBytes)
    places.writeUIntBE(number, 0, 6)
    places.writeUInt32BE(place, 6)
    return Buffer.concat([places, this.#sign(places, owner)]).toString('base64url')
  }

  #sign(place: Uint8Array, { gallery, caller }: RankingOwner): Buffer {
    return createHmac('sha256', this.#secret)
      .update(place)
      .update(JSON.stringify([gallery, caller]))
      .digest()
      .subarray(0, signatureBytes)
  }
}
