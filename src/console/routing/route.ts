/** The page's URL as a signal. Every change by its user adds an entry to the browser's history, so that Back works. */
import { signal } from '@preact/signals'
import { type Address, readAddress, type Screen, writeAddress } from './address.js'

let read = location.hash
export const route = signal<Address>(readAddress(read))

addEventListener('hashchange', readAgain)

addEventListener(
  'click',
  ({ target }) => {
    if (target instanceof Element && target.closest('a[href^="#"]') !== null) keepPlace()
  },
  { capture: true },
)

/** Of the page when an entry of the history was left, in pixels. */
export interface PlaceLeft {
  /** How far it was scrolled. */
  top: number
  height: number
}

/** In the entry of the history that is left: browsers return to it before anything is loaded. */
function keepPlace(): void {
  const place: PlaceLeft = { top: scrollY, height: document.documentElement.scrollHeight }
  history.replaceState(place, '')
}

/** Zeros for a new entry. */
export function placeLeft(): PlaceLeft {
  return (history.state as PlaceLeft | null) ?? { top: 0, height: 0 }
}

/** Without waiting for the browser's event: what is changed until then would be based on the previous address. */
function readAgain(): void {
  if (location.hash === read) return
  read = location.hash
  route.value = readAddress(read)
}

export function addressTo(screen: Screen, settings: Record<string, string> | URLSearchParams = {}): string {
  return writeAddress({ screen, gallery: route.value.gallery, settings: new URLSearchParams(settings) })
}

export function goTo(screen: Screen, settings: Record<string, string> | URLSearchParams = {}): void {
  goToAddress(addressTo(screen, settings))
}

export function goToAddress(address: string): void {
  keepPlace()
  location.hash = address
  readAgain()
}

/** Opens another gallery on the same screen, without the settings, which applied to the previous one. */
export function goToGallery(gallery: string | undefined): void {
  goToAddress(addressOf(gallery))
}

/** The gallery for an address without one, which Back must not return to. */
export function startWithGallery(gallery: string): void {
  location.replace(addressOf(gallery))
  readAgain()
}

function addressOf(gallery: string | undefined): string {
  return writeAddress({ screen: route.value.screen, gallery, settings: new URLSearchParams() })
}
