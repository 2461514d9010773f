/** The scope of one query: the server-side condition, the number of pictures, and a full read when needed. */
import type { CopiesWanted, NearestQuery } from '../../gallery/engine.js'
import type { Filter } from '../../gallery/filter.js'
import { fits } from '../../gallery/fits.js'
import { everyToken } from './filter-tokens.js'
import type { ImageCollection } from './image-collection.js'
import { type Found, filteredOf, filteredProperties, hitProperties, type PropertyName } from './image-object.js'
import { anyToken, both, pushed, putUpTo, type Where } from './pushed-filter.js'
import type { ReadOptions } from './reads-by-id.js'
import { slicesByStamp, wholePages } from './whole-slices.js'

/** What a search needs to know about the set. */
export interface SetSearch {
  collection: ImageCollection
  /** A set, or the part of it that matches a filter, with fewer pictures is compared one by one. */
  exactBelow: number
  /** Uuids of near-copies. */
  copiesOf(wanted: CopiesWanted): Promise<string[]>
}

/** Pictures read at a time. */
const readAtOnce = 500

export class SearchedImages {
  /** Possible hits by the server's count: an upper bound if the server cannot evaluate the whole filter. */
  readonly count: number
  readonly #search: SetSearch
  readonly #filter: Filter | undefined
  readonly #where: Where | undefined
  readonly #properties: readonly PropertyName[]
  /** Only these uuids. */
  readonly #among: readonly string[] | undefined

  private constructor(
    search: SetSearch,
    { filter, properties, where, among, count }: Terms & { where: Where | undefined; count: number },
  ) {
    this.count = count
    this.#search = search
    this.#filter = filter
    this.#where = where
    this.#properties = properties
    this.#among = among
  }

  static async open(search: SetSearch, query: NearestQuery): Promise<SearchedImages> {
    const { filter, copiesOf, groupBy } = query
    const needsMetadata = groupBy !== undefined && groupBy !== 'label'
    const properties = needsMetadata ? ([...hitProperties, 'metadata'] as const) : hitProperties
    const among = copiesOf && (await search.copiesOf(copiesOf))
    return SearchedImages.#counted(search, { filter, properties, among })
  }

  static async #counted(search: SetSearch, terms: Terms): Promise<SearchedImages> {
    const { filter, among } = terms
    const where = filter && pushed(filter).where
    const properties: readonly PropertyName[] =
      filter === undefined ? terms.properties : [...new Set([...terms.properties, ...filteredProperties(filter)])]
    const count = among?.length ?? (await search.collection.count(where))
    return new SearchedImages(search, { ...terms, properties, where, count })
  }

  /** Those that also match this filter. */
  narrowed(filter: Filter): Promise<SearchedImages> {
    const narrower = this.#filter === undefined ? filter : { and: [this.#filter, filter] }
    return SearchedImages.#counted(this.#search, {
      filter: narrower,
      properties: this.#properties,
      among: this.#among,
    })
  }

  /** So few that the server compares each of them. */
  get isSmall(): boolean {
    return this.count < this.#search.exactBelow
  }

  /** The server can search for them by index. */
  get isIndexed(): boolean {
    return this.#among === undefined
  }

  /**
   * With vectors, nearest first; includes pictures that do not match. A condition makes the server compare one by one
   * if few pictures meet it.
   * @param upTo pictures stored later are ignored, however many of them are near
   */
  near(
    vector: Float32Array,
    { limit, upTo, signal }: { limit: number; upTo?: number | undefined; signal?: AbortSignal | undefined },
  ): Promise<Found[]> {
    const here = this.#where ?? (this.isSmall ? anyToken([everyToken]) : undefined)
    const where = upTo === undefined ? here : both(here, putUpTo(upTo))
    return this.#search.collection.near(vector, { where, limit, properties: this.#properties }, signal)
  }

  /**
   * With vectors, page by page, from as many replicas as are configured. Includes pictures that do not match, and perhaps those stored
   * later; one that is replaced meanwhile may be found twice.
   * @param upTo default: whenever they were stored; a process whose clock is ahead may have stored some
   */
  all(upTo = Number.MAX_SAFE_INTEGER): AsyncIterable<Found[]> {
    const { collection } = this.#search
    const query = { limit: readAtOnce, properties: this.#properties, vectors: true }
    if (this.#among !== undefined) return inPages(collection, this.#among, query)
    if (this.#where === undefined) return wholePages(collection, query, upTo)
    return slicesByStamp(collection, { ...query, where: this.#where, upTo })
  }

  fits(found: Found): boolean {
    return this.#filter === undefined || fits(filteredOf(found), this.#filter)
  }
}

interface Terms {
  filter: Filter | undefined
  properties: readonly PropertyName[]
  among: readonly string[] | undefined
}

async function* inPages(
  collection: ImageCollection,
  uuids: readonly string[],
  options: ReadOptions,
): AsyncGenerator<Found[]> {
  for (let begin = 0; begin < uuids.length; begin += readAtOnce)
    yield [...(await collection.ofIds(uuids.slice(begin, begin + readAtOnce), options)).values()]
}
