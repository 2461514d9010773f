/** Which galleries a search over several covers: those named, and those that match a pattern. */
import { type Grant, reaches } from '../access/grants.js'
import { AlikeError } from '../errors.js'
import { galleriesMax } from './schemas/joined-search-parameters.js'

/**
 * @param given names, or patterns with `*`
 * @param among what the patterns stand for
 * @param grant of the caller; undefined if the service is open
 * @returns by name
 * @throws AlikeError `gallery_not_found` if nothing matches, `gallery_forbidden` for a named gallery that it may not
 * search, `too_many_galleries`
 */
export async function searchedGalleries(
  given: readonly string[],
  among: AsyncIterable<string> | Iterable<string>,
  grant: Grant | undefined,
): Promise<string[]> {
  const named = given.filter((text) => !text.includes('*'))
  if (named.some((name) => !reaches(grant, name))) throw new AlikeError('gallery_forbidden')
  const found = new Set(named)
  const fits = given.filter((text) => text.includes('*')).map(fitOf)
  if (fits.length > 0) {
    for await (const name of among) {
      if (reaches(grant, name) && fits.some((fit) => fit(name))) found.add(name)
      if (found.size > galleriesMax) break
    }
  }
  if (found.size === 0) throw new AlikeError('gallery_not_found', { detail: 'No gallery matches.' })
  if (found.size > galleriesMax)
    throw new AlikeError('too_many_galleries', { detail: `At most ${galleriesMax} can be searched at once.` })
  return [...found].sort()
}

/**
 * Each part between two stars is looked for once, behind the previous one. A regular expression with a `.*` for each
 * star would try every division of the name: for `*a*a*a…` that takes years.
 */
function fitOf(pattern: string): (name: string) => boolean {
  const [first = '', ...parts] = pattern.split('*')
  const last = parts.pop() ?? ''
  return (name) => {
    const end = name.length - last.length
    if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return false
    let at = first.length
    for (const part of parts) {
      const found = name.indexOf(part, at)
      if (found < 0 || found + part.length > end) return false
      at = found + part.length
    }
    return true
  }
}
