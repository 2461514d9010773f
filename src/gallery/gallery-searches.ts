/** Searches in galleries by name: which set answers, and the rankings whose further pages can be requested by token. */
import { AlikeError } from '../errors.js'
import type { CatalogueEntry } from './catalogue.js'
import { CopyWalks } from './copy-walks.js'
import { type Keeping, Ranking, type SearchedSet } from './gallery-ranking.js'
import type { GallerySearch, GallerySearchResult, SearchTerms } from './gallery-search.js'
import { JoinedSets, type NamedSet } from './joined-sets.js'
import { joinedUids, type KeptRankings } from './kept-rankings.js'
import type { RoutedSets } from './routed-sets.js'
import type { Serving } from './serving.js'
import { expectUnitVector } from './unit-vector.js'

/** A search whose further pages can be requested by token. */
export type PagedSearch = GallerySearch & {
  /** Who may request them. */
  caller: string
  /** Maximum number of hits or groups on all pages together. */
  reach: number
}

/** One page of a ranking, with the token of the next if there is one. */
export type SearchPage = GallerySearchResult & { nextPageToken?: string | undefined }

/** One gallery or several by name, or the set that a request is already being answered from. */
type Searched = string | readonly string[] | Serving

/** Calls that name a gallery reject with `gallery_not_found`. */
export class GallerySearches {
  readonly #sets: RoutedSets
  readonly #rankings: KeptRankings
  readonly #copyWalks = new CopyWalks()

  constructor(sets: RoutedSets, rankings: KeptRankings) {
    this.#sets = sets
    this.#rankings = rankings
  }

  /** Rankings kept for further pages, and their memory in bytes. */
  get kept(): { count: number; bytes: number } {
    const { count, bytes } = this.#rankings
    return { count, bytes }
  }

  /** Number of searches among near-copies only that are in progress. */
  get copyWalks(): number {
    return this.#copyWalks.count
  }

  /**
   * The set for a request that takes several steps. It is used to the end, even if another set begins to serve
   * meanwhile.
   * @throws AlikeError `model_mismatch`
   */
  async serving(gallery: string | readonly string[]): Promise<Serving> {
    const sets: (NamedSet & { entry: CatalogueEntry })[] = []
    for (const name of [gallery].flat()) {
      const { opened, entry } = await this.#sets.openReady(name)
      sets.push({ gallery: name, set: opened, entry })
    }
    const [first, ...others] = sets
    if (first === undefined) throw new AlikeError('gallery_not_found')
    const { modelId, dimension } = first.entry.set
    const other = others.find(({ entry }) => entry.set.modelId !== modelId)
    if (other !== undefined)
      throw new AlikeError('model_mismatch', {
        detail: `Gallery ${first.gallery} belongs to model ${modelId}, gallery ${other.gallery} to ${other.entry.set.modelId}.`,
      })
    return {
      galleries: joinedUids(sets.map(({ entry }) => entry.uid)),
      names: sets.map(({ gallery: name }) => name),
      setUids: sets.map(({ entry }) => entry.set.uid),
      modelId,
      dimension,
      set: typeof gallery === 'string' ? first.set : new JoinedSets(sets),
      examples: first.set,
    }
  }

  /**
   * The same for a set that need not be the serving one, by id or name of its model. Of two copies in different engines, it is
   * the one that serves.
   * @throws AlikeError `model_not_found`, `set_not_found`, `set_not_ready`
   */
  async ofSet(gallery: string, model: string): Promise<Serving> {
    const { catalogue, models } = this.#sets
    const { id: modelId, dimension } = models.get(model)
    const { uid } = await this.#sets.find(gallery)
    const sets = (await catalogue.sets(uid)).filter((one) => one.modelId === modelId)
    const set = sets.find(({ stage }) => stage === 'serving') ?? sets[0]
    if (set === undefined) throw new AlikeError('set_not_found')
    if (set.stage === 'building') throw new AlikeError('set_not_ready')
    const opened = await this.#sets.openSet(set)
    return { galleries: uid, names: [gallery], setUids: [set.uid], modelId, dimension, set: opened, examples: opened }
  }

  /** @throws AlikeError `model_mismatch`, `dimension_mismatch`, `overloaded`. */
  async search(where: Searched, search: GallerySearch): Promise<GallerySearchResult> {
    const { set, dimension } = await this.#searched(where)
    const startedAt = performance.now()
    expectUnitVector(search.vector, dimension)
    const page = await (await this.#ranking(set, search)).page(search)
    return { ...page, durationMs: performance.now() - startedAt }
  }

  /** The first page of a ranking that is kept for further pages. */
  async firstPage(
    where: Searched,
    { caller, reach, k, offset = 0, voters, metadata, vectors, onBytes, signal, ...terms }: PagedSearch,
  ): Promise<SearchPage> {
    const startedAt = performance.now()
    const { set, galleries, names, setUids, modelId, dimension } = await this.#searched(where)
    expectUnitVector(terms.vector, dimension)
    // only the terms outlive the request
    const { ranking, page } = await untilDone(signal, async (waited) => {
      const opened = await this.#ranking(set, { ...terms, signal: waited }, { reach })
      return { ranking: opened, page: await opened.page({ k, offset, voters, metadata, vectors, onBytes }) }
    })
    const owner = { gallery: galleries, caller }
    const kept = { ranking, modelId, names, setUids }
    const nextPageToken = page.more ? this.#rankings.keep(kept, offset + k, owner) : undefined
    return { ...page, nextPageToken, durationMs: performance.now() - startedAt }
  }

  /**
   * The galleries that a page token continues to search.
   * @throws AlikeError `page_expired`, also if it was issued to another caller
   */
  pagedGalleries(token: string, caller: string): readonly string[] {
    return this.#rankings.namesOf(token, caller)
  }

  /**
   * From the set that the first page came from.
   * @throws AlikeError `page_expired`, `overloaded`.
   */
  async nextPage(
    gallery: string | readonly string[],
    {
      token,
      caller,
      ...request
    }: { token: string; caller: string } & Pick<GallerySearch, 'k' | 'metadata' | 'vectors' | 'onBytes'>,
  ): Promise<SearchPage & { modelId: string }> {
    const startedAt = performance.now()
    const entries = await Promise.all([gallery].flat().map((name) => this.#sets.find(name)))
    const owner = { gallery: joinedUids(entries.map(({ uid }) => uid)), caller }
    const { ranking, modelId, place, nextAt } = this.#rankings.find(token, owner)
    const page = await ranking.page({ ...request, offset: place })
    const nextPageToken = nextAt(page.more ? place + request.k : undefined)
    return { ...page, modelId, nextPageToken, durationMs: performance.now() - startedAt }
  }

  /** A search among near-copies only compares all descriptors before the ranking begins. */
  #ranking(set: SearchedSet, terms: SearchTerms & Pick<GallerySearch, 'signal'>, keeping?: Keeping): Promise<Ranking> {
    const open = () => Ranking.open(set, terms, keeping)
    return terms.copiesFrom === undefined ? open() : this.#copyWalks.pass(open)
  }

  async #searched(where: Searched): Promise<Serving> {
    return typeof where === 'object' && 'setUids' in where ? where : this.serving(where)
  }
}

/** Gives the work a signal that is aborted as the given one is, until the work is done: what it leaves stays usable. */
async function untilDone<Result>(
  signal: AbortSignal | undefined,
  work: (waited: AbortSignal) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted()
  const waited = new AbortController()
  const leave = () => waited.abort(signal?.reason)
  signal?.addEventListener('abort', leave)
  try {
    return await work(waited.signal)
  } finally {
    signal?.removeEventListener('abort', leave)
  }
}
