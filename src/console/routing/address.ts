/** The URL fragment after `#`: a screen, a gallery, and the screen's settings. Pure. */

export const screens = ['search', 'match', 'gallery', 'quality', 'map', 'networks', 'operation'] as const
export type Screen = (typeof screens)[number]

export interface Address {
  screen: Screen
  /** Undefined if none has been chosen yet. */
  gallery: string | undefined
  settings: URLSearchParams
}

/** Such as `#/search/holidays?id=12`; anything unreadable opens the search. */
export function readAddress(hash: string): Address {
  const [path = '', ...queries] = hash.replace(/^#\/?/, '').split('?')
  const [screen, gallery] = path.split('/')
  return {
    screen: screens.find((one) => one === screen) ?? 'search',
    gallery: gallery === undefined || gallery === '' ? undefined : decoded(gallery),
    settings: new URLSearchParams(queries.join('?')),
  }
}

export function writeAddress({ screen, gallery, settings }: Address): string {
  const query = settings.toString()
  return `#/${screen}${gallery === undefined ? '' : `/${encodeURIComponent(gallery)}`}${query === '' ? '' : `?${query}`}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
