/** The search options. */
import { useCommitted } from '../controls/use-committed.js'
import type { Field } from '../filter/fields.js'
import { expandMax, groupsMax, hasGroups, hitsMax, type SearchQuery } from './search-query.js'

export interface SearchControlsProps {
  query: SearchQuery
  fields: Field[]
  onQuery: (query: SearchQuery) => void
}

export function SearchControls({ query, fields, onQuery }: SearchControlsProps) {
  const { k, exact, nearCopies, hideDuplicates, expand, diversity, groupBy } = query
  const isGrouped = hasGroups(query)
  return (
    <fieldset class="controls">
      <legend class="unseen">Search options</legend>
      <NumberField
        name={isGrouped ? 'Groups' : 'Hits'}
        min={1}
        max={isGrouped ? groupsMax : hitsMax}
        value={k}
        onValue={(next) => onQuery({ ...query, k: next })}
      />
      <label class="field">
        <span>Group by</span>
        <select
          value={groupBy ?? ''}
          disabled={nearCopies}
          onChange={({ currentTarget }) => onQuery({ ...query, groupBy: currentTarget.value || undefined })}
        >
          <option value="">nothing</option>
          {groupBy !== undefined && !fields.some(({ name }) => name === groupBy) && <option>{groupBy}</option>}
          {fields.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <label class="field">
        <span>Diversity {diversity > 0 && diversity.toFixed(1)}</span>
        <input
          type="range"
          min="0"
          max="1"
          step="0.1"
          value={diversity}
          disabled={groupBy !== undefined || nearCopies}
          onChange={({ currentTarget }) => onQuery({ ...query, diversity: currentTarget.valueAsNumber })}
        />
      </label>
      <NumberField
        name="Expand by best hits"
        min={0}
        max={expandMax}
        value={expand}
        disabled={nearCopies}
        onValue={(next) => onQuery({ ...query, expand: next })}
      />
      <Tick checked={hideDuplicates} onTick={(on) => onQuery({ ...query, hideDuplicates: on })}>
        Only the best of near-copies
      </Tick>
      <Tick checked={nearCopies} onTick={(on) => onQuery({ ...query, nearCopies: on })}>
        Only near-copies of the query
      </Tick>
      <Tick checked={exact} onTick={(on) => onQuery({ ...query, exact: on })}>
        Compare with every picture (exact)
      </Tick>
    </fieldset>
  )
}

interface NumberFieldProps {
  name: string
  min: number
  max: number
  value: number
  disabled?: boolean
  onValue: (value: number) => void
}

function NumberField({ name, min, max, value, disabled, onValue }: NumberFieldProps) {
  const committed = useCommitted(String(value), (typed) => {
    const number = typed === '' ? Number.NaN : Number(typed)
    const next = number >= min ? Math.min(max, Math.floor(number)) : value
    if (next !== value) onValue(next)
  })
  return (
    <label class="field">
      <span>{name}</span>
      <input type="number" min={min} max={max} disabled={disabled} {...committed} />
    </label>
  )
}

function Tick({ checked, onTick, children }: { checked: boolean; onTick: (on: boolean) => void; children: string }) {
  return (
    <label class="tick">
      <input type="checkbox" checked={checked} onChange={({ currentTarget }) => onTick(currentTarget.checked)} />
      {children}
    </label>
  )
}
