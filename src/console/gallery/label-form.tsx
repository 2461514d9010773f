/** Sets the label of pictures to an existing or a new one; empty removes it. */
import { useId, useState } from 'preact/hooks'

export interface LabelFormProps {
  labels: string[]
  busy: boolean
  onLabel: (label: string | null) => void
}

export function LabelForm({ labels, busy, onLabel }: LabelFormProps) {
  const [label, setLabel] = useState('')
  const listId = useId()
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault()
        onLabel(label === '' ? null : label)
      }}
    >
      <input
        class="grow"
        aria-label="New label"
        placeholder="label, or none"
        list={listId}
        maxLength={200}
        dir="auto"
        value={label}
        onInput={({ currentTarget }) => setLabel(currentTarget.value)}
      />
      <datalist id={listId}>
        {labels.map((one) => (
          <option key={one} value={one} />
        ))}
      </datalist>
      <button type="submit" aria-disabled={busy}>
        Set label
      </button>
    </form>
  )
}
