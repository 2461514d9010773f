/** Builds a filter from the fields and values of the gallery. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { ConditionRow } from './condition-row.js'
import { type Field, idField } from './fields.js'
import { draftOf, type FilterDraft, filterOf } from './filter.js'

export interface FilterBuilderProps {
  fields: Field[]
  filter: Record<string, unknown> | undefined
  onFilter: (filter: Record<string, unknown> | undefined) => void
  /** Whether what surrounds it is already called a filter. */
  titled?: boolean | undefined
}

const empty: FilterDraft = { combine: 'and', conditions: [] }

export function FilterBuilder({ fields, filter, onFilter, titled = false }: FilterBuilderProps) {
  const given = filter === undefined ? empty : draftOf(filter)
  const [draft, setDraft] = useState(given ?? empty)
  const text = JSON.stringify(filter)
  useEffect(() => {
    // keep what is being typed if it means the same
    if (JSON.stringify(filterOf(draft, fields)) !== text) setDraft(given ?? empty)
  }, [text])
  const change = (next: FilterDraft) => {
    setDraft(next)
    const made = filterOf(next, fields)
    if (JSON.stringify(made) !== text) onFilter(made)
  }
  const { combine, conditions } = draft
  const { frame, focusNext } = useFocusOfAdded(conditions.length)

  return (
    <fieldset class="controls" ref={frame}>
      <legend class={titled ? 'unseen' : undefined}>Filter</legend>
      {filter !== undefined && given === undefined && <p class="hint mono">{text}</p>}
      {conditions.length > 1 && (
        <label class="field">
          <span>Pictures that match</span>
          <select
            value={combine}
            onChange={({ currentTarget }) => change({ ...draft, combine: currentTarget.value === 'or' ? 'or' : 'and' })}
          >
            <option value="and">all of these</option>
            <option value="or">any of these</option>
          </select>
        </label>
      )}
      {conditions.map((condition, place) => (
        <ConditionRow
          key={place}
          condition={condition}
          number={place + 1}
          fields={[...fields, idField]}
          onChange={(next) => change({ ...draft, conditions: conditions.with(place, next) })}
          onRemove={() => change({ ...draft, conditions: conditions.toSpliced(place, 1) })}
        />
      ))}
      <div class="row">
        <button
          type="button"
          onClick={() => {
            const first = fields[0]?.name ?? 'label'
            focusNext()
            setDraft({ ...draft, conditions: [...conditions, { field: first, comparison: 'equals', text: '' }] })
          }}
        >
          Add a condition
        </button>
        {(filter !== undefined || conditions.length > 0) && (
          <button type="button" class="quiet" onClick={() => change(empty)}>
            Clear
          </button>
        )}
      </div>
    </fieldset>
  )
}

/** A condition that was added has the focus: the button to add it comes after it. */
function useFocusOfAdded(count: number) {
  const frame = useRef<HTMLFieldSetElement>(null)
  const isAdded = useRef(false)
  useLayoutEffect(() => {
    if (isAdded.current) frame.current?.querySelector<HTMLElement>('.condition:nth-last-child(2) select')?.focus()
    isAdded.current = false
  }, [count])
  const focusNext = () => {
    isAdded.current = true
  }
  return { frame, focusNext }
}
