/** Search: give a picture, get similar ones, each of which can be the next query. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { may } from '../api/caller.js'
import { mayShow } from '../api/thumbnails.js'
import { Needs } from '../controls/needs.js'
import { Fault, Notice } from '../controls/notice.js'
import { useLoaded } from '../controls/use-loaded.js'
import { FilterBuilder } from '../filter/filter-builder.js'
import { loadFields } from '../filter/load-fields.js'
import { goTo, placeLeft, route } from '../routing/route.js'
import { DurationsBar } from './durations-bar.js'
import { EquivalentCalls } from './equivalent-calls-panel.js'
import { HitList } from './hit-list.js'
import { NumberMeanings } from './number-meanings.js'
import { QueryPanel } from './query-panel.js'
import { SearchControls } from './search-controls.js'
import { parametersOf } from './search-parameters.js'
import { hasExample, readQuery, type SearchQuery, withExample, writeQuery } from './search-query.js'
import { StartingPoints } from './starting-points.js'
import { allHits, useSearch } from './use-search.js'
import { Verdict } from './verdict.js'

export function SearchScreen({ gallery }: { gallery: string }) {
  const query = readQuery(route.value.settings)
  const ask = (next: SearchQuery) => goTo('search', writeQuery(next))
  const { answer, answered, error, searching, roundTripMs, searchAgain } = useSearch(gallery, query)
  // loads the filter's options after the hits
  const [settled, settle] = useState(false)
  useEffect(() => settle((before) => before || !searching), [searching])
  const { value: fields = [] } = useLoaded(
    async () => (settled ? loadFields(gallery) : []),
    [gallery, settled, may('read')],
  )
  const [callsShown, showCalls] = useState(false)
  useStartOfHits(query, answered)

  return (
    <div class="search-screen">
      <h1 class="unseen">Search</h1>
      <aside class="search-side" aria-label="Query">
        <Needs to="search" otherwise="reason">
          <QueryPanel gallery={gallery} query={query} onQuery={ask} />
        </Needs>
        <details class="settings" open={!isNarrow()}>
          <summary>Search options</summary>
          <SearchControls query={query} fields={fields} onQuery={ask} />
          <FilterBuilder fields={fields} filter={query.filter} onFilter={(filter) => ask({ ...query, filter })} />
        </details>
      </aside>
      <section class="search-results" aria-label="Hits" aria-busy={searching}>
        {error !== undefined && <Fault error={error} onAgain={searchAgain} />}
        {answer !== undefined && answered !== undefined && hasExample(query) && (
          <>
            <div class="results-head">
              <Verdict answer={answer} />
              <DurationsBar durations={answer.durations} roundTripMs={roundTripMs} method={answer.method} />
              <button type="button" class="quiet" aria-expanded={callsShown} onClick={() => showCalls(!callsShown)}>
                As a call
              </button>
            </div>
            <NumberMeanings answer={answer} isExpanded={parametersOf(answered).expand !== undefined} />
            {!may('read') && !allHits(answer).some(({ id }) => mayShow(gallery, id)) && (
              <p class="hint">This key may not read galleries: hits are shown without their pictures.</p>
            )}
            {callsShown && <EquivalentCalls gallery={gallery} query={query} />}
            <HitList gallery={gallery} query={query} answer={answer} answered={answered} onQuery={ask} />
          </>
        )}
        {answer === undefined && searching && <Notice>Searching…</Notice>}
        {!hasExample(query) && (
          <Needs to="search" otherwise="nothing">
            <StartingPoints gallery={gallery} onPick={(imageId) => ask(withExample(query, { imageId }))} />
          </Needs>
        )}
      </section>
    </div>
  )
}

/**
 * Another picture to search with is answered from the first hit on, even if it was picked far below; one that Back leads
 * to, from where it was left.
 */
function useStartOfHits(query: SearchQuery, answered: SearchQuery | undefined): void {
  const exampleOf = ({ imageId, picture, url }: SearchQuery) => JSON.stringify([imageId, picture, url])
  const asked = useRef(hasExample(query) ? undefined : exampleOf(query))
  useEffect(() => {
    if (answered === undefined || exampleOf(answered) === asked.current) return
    const isFirst = asked.current === undefined
    asked.current = exampleOf(answered)
    const { top } = placeLeft()
    if (isFirst && top === 0) return
    scrollTo({ top })
    // the hit that was picked, and had the focus, may be gone; in Safari what is around it has the focus
    const isAround = document.activeElement?.id === 'main' && !isFirst
    if (document.activeElement === document.body || isAround)
      document.querySelector<HTMLElement>('.hit-picture')?.focus({ preventScroll: true })
  }, [answered])
}

/** On a phone the hits come before the settings. */
function isNarrow(): boolean {
  return matchMedia('(max-width: 860px)').matches
}
