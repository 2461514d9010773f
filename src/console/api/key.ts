/** The API key of this session: entered once, kept until the tab is closed, sent as a header and never in a URL. */
import { signal } from '@preact/signals'

const place = 'alike-key'

/** Empty if the service requires none. */
export const apiKey = signal(stored())
/** Whether the service has refused a call because the key was missing or wrong. */
export const keyWanted = signal<'missing' | 'refused' | undefined>(undefined)

export function useKey(key: string): void {
  apiKey.value = key
  keyWanted.value = undefined
  try {
    if (key === '') sessionStorage.removeItem(place)
    else sessionStorage.setItem(place, key)
  } catch {
    // a browser without storage: the next tab asks again
  }
}

export function keyHeaders(): Record<string, string> {
  return apiKey.value === '' ? {} : { authorization: `Bearer ${apiKey.value}` }
}

function stored(): string {
  try {
    return sessionStorage.getItem(place) ?? ''
  } catch {
    return ''
  }
}
