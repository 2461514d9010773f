/** What the screens are called, in the navigation and in the browser's history. Pure. */
import type { Address, Screen } from '../routing/address.js'

export const screenTitles: Record<Screen, string> = {
  search: 'Search',
  match: 'Why this matched',
  gallery: 'Gallery',
  quality: 'Quality',
  map: 'Map',
  networks: 'Networks',
  operation: 'Operation',
}

export function pageTitle({ screen, gallery }: Pick<Address, 'screen' | 'gallery'>): string {
  return [screenTitles[screen], ...(gallery === undefined ? [] : [gallery]), 'Alike'].join(' · ')
}
