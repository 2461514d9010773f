/** The hits of a search, grouped if requested; arrow keys move between them. */
import type { VNode } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { caller } from '../api/caller.js'
import { isForBrowser } from '../controls/browser-keys.js'
import { watchSight } from '../controls/sight.js'
import { addressTo, placeLeft } from '../routing/route.js'
import { HitCard } from './hit-card.js'
import { placeAfterKey } from './hit-rows.js'
import { hasOnePicture, type SearchQuery, withExample, withOpinion, writeQuery } from './search-query.js'
import type { Hit, SearchAnswer } from './use-search.js'
import { useVerdicts } from './use-verdicts.js'

/** Each time. A thousand at once would keep the page from answering for seconds. */
const shownMore = 100
/** The end of those shown is near, or above: Back leads to a place that may be far below. */
const endMargin = '1000000px 0px 1000px'

export interface HitListProps {
  gallery: string
  query: SearchQuery
  answer: SearchAnswer
  /** The query that it answers; a later one may still be searched for. */
  answered: SearchQuery
  onQuery: (query: SearchQuery) => void
}

export function HitList(props: HitListProps) {
  const { query, answer } = props
  const { hits, groups } = answer
  const { shown, reservedHeight, end } = useShown(answer)
  const { isDismissed, recall } = useDismissed()
  const cardOf = useCards(props)
  if (hits.length === 0 && (groups ?? []).length === 0) return <p class="hint">{nothingFound(query)}</p>
  const list = (some: Hit[], count: number) => (
    <ul class="hits" onKeyDown={walk}>
      {some.map((hit, place) => cardOf(hit, place, count))}
    </ul>
  )
  return (
    <div
      class={isDismissed ? 'hits-frame hits-plain' : 'hits-frame'}
      style={{ minHeight: `${reservedHeight}px` }}
      onPointerOver={recall}
      onFocusIn={recall}
    >
      {groups === undefined ? (
        list(hits.slice(0, shown), hits.length)
      ) : (
        <ul class="hit-groups">
          {groups.slice(0, groupsWith(groups, shown)).map((group, place) => (
            <li key={group.rank} class="hit-group" aria-setsize={groups.length} aria-posinset={place + 1}>
              <h2>
                <bdi>{String(group.key)}</bdi>
              </h2>
              {list(group.hits, group.hits.length)}
            </li>
          ))}
        </ul>
      )}
      <div ref={end} />
    </div>
  )
}

/**
 * Makes the card of a hit. Those on the page are not rendered again when more come: it would take longer and longer.
 */
function useCards({ gallery, query, answered, onQuery }: HitListProps) {
  const verdicts = useVerdicts(gallery, answered)
  const made = useMemo(() => new Map<Hit, VNode>(), [gallery, query, answered, onQuery, verdicts.state, caller.value])
  return (hit: Hit, place: number, count: number): VNode => {
    const { id } = hit
    const card = made.get(hit) ?? (
      <HitCard
        key={id}
        gallery={gallery}
        hit={hit}
        place={place}
        count={count}
        opinion={query.like.includes(id) ? 'like' : query.unlike.includes(id) ? 'unlike' : undefined}
        onSearch={() => onQuery(withExample(query, { imageId: id }))}
        why={whyAddress(answered, id)}
        verdict={verdicts.of(id)}
        onVerdict={verdicts.give && ((verdict) => verdicts.give?.(hit, verdict))}
        onOpinion={(opinion) => onQuery(withOpinion(query, id, opinion))}
      />
    )
    made.set(hit, card)
    return card
  }
}

/** Escape dismisses the record that is shown over other hits, until another hit is pointed at or has the focus. */
function useDismissed() {
  const [isDismissed, setDismissed] = useState(false)
  useEffect(() => {
    const press = ({ key }: KeyboardEvent) => key === 'Escape' && setDismissed(true)
    addEventListener('keydown', press)
    return () => removeEventListener('keydown', press)
  }, [])
  const recall = ({ target, relatedTarget }: PointerEvent | FocusEvent) => {
    if (hitAround(target) !== hitAround(relatedTarget)) setDismissed(false)
  }
  return { isDismissed, recall }
}

function hitAround(target: EventTarget | null): Element | null {
  return target instanceof Element ? target.closest('.hit') : null
}

interface Shown {
  of: SearchAnswer
  shown: number
  isFilled: boolean
}

function shownOf(answer: SearchAnswer, last: Shown | undefined): Shown {
  return last?.of === answer ? last : { of: answer, shown: shownMore, isFilled: false }
}

/** How many of an answer's hits are on the page: more of them, step by step, until their end is far below. */
function useShown(answer: SearchAnswer) {
  const { hits, groups } = answer
  const count = groups === undefined ? hits.length : groups.reduce((sum, group) => sum + group.hits.length, 0)
  const end = useRef<HTMLDivElement>(null)
  const [state, setState] = useState<Shown>()
  const { shown, isFilled } = shownOf(answer, state)
  // until there are enough of them, so that the page can be scrolled to where it was left
  const heightLeft = useMemo(() => placeLeft().height, [answer])
  useEffect(() => {
    if (shown >= count) return undefined
    return watchSight(end.current, {
      margin: endMargin,
      // on a busy page this may still be called when more are shown already: fewer would push them out again
      onChange: (isNear) =>
        setState((last) => {
          const now = shownOf(answer, last)
          return isNear ? { ...now, shown: Math.max(now.shown, shown + shownMore) } : { ...now, isFilled: true }
        }),
    })
  }, [answer, shown, count])
  return { shown, reservedHeight: isFilled || shown >= count ? 0 : heightLeft, end }
}

/** The number of groups that together have so many hits. */
function groupsWith(groups: NonNullable<SearchAnswer['groups']>, hits: number): number {
  let sum = 0
  const last = groups.findIndex((group) => {
    sum += group.hits.length
    return sum >= hits
  })
  return last === -1 ? groups.length : last + 1
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
