/** Which galleries a search over several covers: those named, and those that match a pattern. */
import { type Grant, reaches } from '../access/grants.js'
import { AlikeError } from '../errors.js'
import type { Galleries } from '../gallery/galleries.js'
import { galleriesMax } from './schemas/joined-search-parameters.js'

/** Galleries read at once for a pattern. */
const namesAtOnce = 1_000

/**
 * @param asked names, or patterns with `*`
 * @param grant of the caller; undefined if the service is open
 * @returns by name
 * @throws AlikeError `gallery_not_found` if nothing matches, `gallery_forbidden` for a named gallery that it may not
 * search, `too_many_galleries`
 */
export async function searchedGalleries(
  asked: readonly string[],
  galleries: Pick<Galleries, 'slices'>,
  grant: Grant | undefined,
): Promise<string[]> {
  const named = asked.filter((text) => !text.includes('*'))
  if (named.some((name) => !reaches(grant, name))) throw new AlikeError('gallery_forbidden')
  const found = new Set(named)
  const patterns = asked.filter((text) => text.includes('*')).map(patternOf)
  if (patterns.length > 0) {
    for await (const name of namesOf(galleries)) {
      if (patterns.some((pattern) => pattern.test(name)) && reaches(grant, name)) found.add(name)
      if (found.size > galleriesMax) break
    }
  }
  if (found.size === 0) throw new AlikeError('gallery_not_found', { detail: 'No gallery matches.' })
  if (found.size > galleriesMax)
    throw new AlikeError('too_many_galleries', { detail: `At most ${galleriesMax} can be searched at once.` })
  return [...found].sort()
}

function patternOf(text: string): RegExp {
  return new RegExp(`^${text.replaceAll('.', '\\.').replaceAll(/\*+/g, '.*')}$`)
}

async function* namesOf(galleries: Pick<Galleries, 'slices'>): AsyncGenerator<string> {
  for (let after = ''; ; ) {
    let last: string | undefined
    let more = false
    for await (const slice of galleries.slices({ after, limit: namesAtOnce })) {
      for (const { name } of slice.galleries) yield (last = name)
      more = slice.nextCursor !== undefined
    }
    if (!more || last === undefined) return
    after = last
  }
}
