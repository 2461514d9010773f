/** The hits of a search, grouped if requested; arrow keys move between them. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { isForBrowser } from '../controls/browser-keys.js'
import { addressTo, placeLeft } from '../routing/route.js'
import { HitCard } from './hit-card.js'
import { placeAfterKey } from './hit-rows.js'
import { hasOnePicture, type SearchQuery, withExample, withOpinion, writeQuery } from './search-query.js'
import type { Hit, SearchAnswer } from './use-search.js'
import { useVerdicts } from './use-verdicts.js'

/** Each time. A thousand at once would keep the page from answering for seconds. */
const shownMore = 100

export interface HitListProps {
  gallery: string
  query: SearchQuery
  answer: SearchAnswer
  /** The query that it answers; a later one may still be searched for. */
  answered: SearchQuery
  onQuery: (query: SearchQuery) => void
}

export function HitList({ gallery, query, answer, answered, onQuery }: HitListProps) {
  const { hits, groups } = answer
  const verdicts = useVerdicts(gallery, answered)
  const { shown, end } = useShown(answer, (groups ?? hits).length)
  if (hits.length === 0 && (groups ?? []).length === 0) return <p class="hint">{nothingFound(query)}</p>
  const list = (some: Hit[]) => (
    <ul class="hits" onKeyDown={walk}>
      {some.map((hit) => (
        <HitCard
          key={hit.id}
          gallery={gallery}
          hit={hit}
          opinion={query.like.includes(hit.id) ? 'like' : query.unlike.includes(hit.id) ? 'unlike' : undefined}
          onSearch={() => onQuery(withExample(query, { imageId: hit.id }))}
          why={whyAddress(answered, hit.id)}
          verdict={verdicts.of(hit.id)}
          onVerdict={verdicts.give && ((verdict) => verdicts.give?.(hit, verdict))}
          onOpinion={(opinion) => onQuery(withOpinion(query, hit.id, opinion))}
        />
      ))}
    </ul>
  )
  return (
    <>
      {groups === undefined
        ? list(hits.slice(0, shown))
        : groups.slice(0, shown).map((group) => (
            <section key={group.rank} class="hit-group">
              <h2>
                <bdi>{String(group.key)}</bdi>
              </h2>
              {list(group.hits)}
            </section>
          ))}
      <div ref={end} />
    </>
  )
}

/** How many of an answer's hits are on the page: more of them whenever its end comes near. */
function useShown(answer: SearchAnswer, count: number) {
  const end = useRef<HTMLDivElement>(null)
  const [state, setState] = useState<{ of: SearchAnswer; shown: number }>()
  // Back leads to a place that may be far below
  const shownFirst = useMemo(() => (placeLeft() > 0 ? count : shownMore), [answer])
  const shown = state?.of === answer ? state.shown : shownFirst
  useEffect(() => {
    if (shown >= count || end.current === null) return undefined
    const observer = new IntersectionObserver(
      // of several at once, from a page that was busy, the last one is how it is now
      (entries) => entries.at(-1)?.isIntersecting === true && setState({ of: answer, shown: shown + shownMore }),
      { rootMargin: '1000px' },
    )
    observer.observe(end.current)
    return () => observer.disconnect()
  }, [answer, shown, count])
  return { shown, end }
}

function nothingFound({ nearCopies, filter }: SearchQuery): string {
  const matching = filter === undefined ? '' : ' that matches the filter'
  return nearCopies ? `This gallery has no near-copy${matching}.` : `This gallery has no other picture${matching}.`
}

/** The explanation compares two pictures, so it is not available for a query with several. */
function whyAddress(query: SearchQuery, hit: string): string | undefined {
  if (!hasOnePicture(query)) return undefined
  const settings = writeQuery(query)
  settings.set('hit', hit)
  return addressTo('match', settings)
}

function walk(event: KeyboardEvent): void {
  if (isForBrowser(event)) return
  const images = [...document.querySelectorAll<HTMLElement>('.search-results .hit-picture')]
  const place = images.indexOf(document.activeElement as HTMLElement)
  if (place === -1) return
  const tops = images.map((one) => Math.round(one.getBoundingClientRect().top))
  const next = placeAfterKey(event.key, place, tops)
  if (next === undefined) return
  event.preventDefault()
  images[next]!.focus()
}
