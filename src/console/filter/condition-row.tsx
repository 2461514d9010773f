/** One condition of a filter: field, comparison, value. */
import { useId } from 'preact/hooks'
import { useCommitted } from '../controls/use-committed.js'
import type { Field } from './fields.js'
import { type Comparison, type Condition, comparisonNames, comparisonsOf } from './filter.js'

export interface ConditionRowProps {
  condition: Condition
  /** From 1 on: several fields have the same name. */
  number: number
  fields: Field[]
  onChange: (condition: Condition) => void
  onRemove: () => void
}

export function ConditionRow({ condition, number, fields, onChange, onRemove }: ConditionRowProps) {
  const listId = useId()
  const { field, comparison, text } = condition
  const committed = useCommitted(text, (typed) => onChange({ ...condition, text: typed }))
  const known = fields.find(({ name }) => name === field)
  const offered = comparisonsOf(known?.types)
  const takesValue = comparison !== 'exists' && comparison !== 'missing'
  return (
    <fieldset class="condition" aria-label={`Condition ${number}`}>
      <select
        aria-label="Field"
        value={field}
        onChange={({ currentTarget: { value } }) => onChange({ field: value, comparison: 'equals', text: '' })}
      >
        {!fields.some(({ name }) => name === field) && <option>{field}</option>}
        {fields.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <select
        aria-label="Comparison"
        value={comparison}
        onChange={({ currentTarget }) => onChange({ ...condition, comparison: currentTarget.value as Comparison })}
      >
        {!offered.includes(comparison) && <option value={comparison}>{comparisonNames[comparison]}</option>}
        {offered.map((one) => (
          <option key={one} value={one}>
            {comparisonNames[one]}
          </option>
        ))}
      </select>
      {takesValue && (
        <>
          <input
            aria-label="Value"
            list={listId}
            dir="auto"
            placeholder={comparison === 'in' ? 'one, another' : (known?.range?.join(' to ') ?? 'value')}
            {...committed}
          />
          <datalist id={listId}>
            {known?.values.map((value) => (
              <option key={value} value={value} />
            ))}
          </datalist>
        </>
      )}
      <button type="button" class="quiet" aria-label="Remove this condition" onClick={onRemove}>
        ×
      </button>
    </fieldset>
  )
}
