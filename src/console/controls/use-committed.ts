/**
 * For a field whose value counts once it is confirmed, by Enter or by leaving the field. Until then it keeps what was
 * typed, although its surroundings are rendered again when data arrives.
 */
import type { TargetedEvent } from 'preact'
import { useState } from 'preact/hooks'

type InputEvent = TargetedEvent<HTMLInputElement>

/** @returns properties of the input */
export function useCommitted(value: string, onCommit: (typed: string) => void) {
  const [typed, setTyped] = useState<string>()
  return {
    value: typed ?? value,
    onInput: ({ currentTarget }: InputEvent) => setTyped(currentTarget.value),
    onChange: ({ currentTarget }: InputEvent) => {
      setTyped(undefined)
      onCommit(currentTarget.value)
    },
  }
}
