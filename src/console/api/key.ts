/** The API key of this session: asked for once, kept until the tab is closed, sent as a header and never in an address. */
import { signal } from '@preact/signals'

const place = 'alike-key'

/** Empty while the service asks for none. */
export const apiKey = signal(stored())
/** Whether the service has refused a call for want of a key, or because of the one it was given. */
export const keyWanted = signal<'missing' | 'refused' | undefined>(undefined)

export function useKey(key: string): void {
  apiKey.value = key
  keyWanted.value = undefined
  try {
    if (key === '') sessionStorage.removeItem(place)
    else sessionStorage.setItem(place, key)
  } catch {
    // a browser that keeps nothing: it is asked for again in the next tab
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
