/** The API key of this session: entered once, kept until the tab is closed, sent as a header and never in a URL. */
import { signal } from '@preact/signals'

const place = 'alike-key'

/** Empty if the service requires none. */
export const apiKey = signal(stored())
/** Number of keys given in this visit. Whatever has been loaded, or refused, is loaded again with the next one. */
export const keysGiven = signal(0)
/** Whether the service has refused a call because the key was missing or wrong. */
export const keyWanted = signal(false)
/** Number of calls that the key was not permitted: its permissions may have changed. */
export const callsForbidden = signal(0)

/** The address whose question was closed without a key. */
let declinedAt: string | undefined

/** Calls repeated in the background do not ask again. */
export function wantKey(): void {
  if (location.href !== declinedAt) keyWanted.value = true
}

/** Why calls are refused without another key. */
export function keyLack(): string {
  return apiKey.value === '' ? 'This service requires an API key.' : 'The service does not accept this key.'
}

/** Although it was declined. */
export function askForKey(): void {
  declinedAt = undefined
  wantKey()
}

export function declineKey(): void {
  declinedAt = location.href
  keyWanted.value = false
}

export function useKey(key: string): void {
  declinedAt = undefined
  apiKey.value = key
  keysGiven.value++
  keyWanted.value = false
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
