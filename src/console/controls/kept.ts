/** State of a screen that is there again when the screen is opened again in this visit. */
import { type Signal, signal } from '@preact/signals'

const kept = new Map<string, Signal<unknown>>()

/** @param name the same for the same state, with the gallery that it is of */
export function keptSignal<Value>(name: string, first: Value): Signal<Value> {
  const known = kept.get(name) ?? signal<unknown>(first)
  kept.set(name, known)
  return known as Signal<Value>
}
