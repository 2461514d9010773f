/** Which screens are of use to the key of this session. */
import { may } from '../api/caller.js'
import type { Screen } from '../routing/address.js'

/** They show what a gallery contains. */
const reading: readonly Screen[] = ['gallery', 'quality', 'map', 'networks']

export function mayOpen(screen: Screen): boolean {
  if (screen === 'operation') return may('read') || may('metrics')
  return may('read') || !reading.includes(screen)
}
