/** The bar at the top: galleries, screens, theme and key. */

import { useEffect, useRef } from 'preact/hooks'
import { galleryChoices } from '../api/galleries.js'
import { apiKey, useKey } from '../api/key.js'
import { nextTheme, theme } from '../controls/theme.js'
import type { Screen } from '../routing/address.js'
import { addressTo, goToGallery, route } from '../routing/route.js'
import { GalleryName } from './gallery-name.js'
import { mayOpen } from './may-open.js'
import { screenTitles } from './titles.js'

const tabs: Screen[] = ['search', 'gallery', 'quality', 'map', 'networks', 'operation']

export function Header() {
  const { screen } = route.value
  const current = useRef<HTMLAnchorElement>(null)
  // on a narrow screen not all fit, and fewer beside a gallery with a long name
  useEffect(
    () => current.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' }),
    [screen, galleryChoices.value],
  )
  return (
    <header class="bar">
      <a class="brand" href={addressTo('search')}>
        <img src="./icon.svg" alt="" width="22" height="22" /> Alike
      </a>
      <GalleryChoice />
      <nav aria-label="Screens">
        {tabs.filter(mayOpen).map((name) => {
          const isCurrent = screen === name || (screen === 'match' && name === 'search')
          return (
            <a
              key={name}
              ref={isCurrent ? current : null}
              href={addressTo(name)}
              aria-current={isCurrent ? 'page' : undefined}
            >
              {screenTitles[name]}
            </a>
          )
        })}
      </nav>
      <div class="bar-end">
        <button type="button" class="quiet" title="Colours" onClick={nextTheme}>
          <span aria-hidden="true">◐</span>
          <span class="unseen">Colours: </span>
          {theme.value === 'system' ? 'Auto' : theme.value === 'light' ? 'Light' : 'Dark'}
        </button>
        {apiKey.value !== '' && (
          <button type="button" class="quiet" onClick={() => useKey('')}>
            Forget key
          </button>
        )}
      </div>
    </header>
  )
}

function GalleryChoice() {
  const { known = [], isOpen = false } = galleryChoices.value ?? {}
  const { gallery } = route.value
  if (isOpen)
    return gallery === undefined ? null : (
      <div class="gallery-choice">
        <GalleryName key={gallery} gallery={gallery} />
      </div>
    )
  if (known.length === 0) return null
  return (
    <label class="gallery-choice">
      <span class="unseen">Gallery</span>
      <select value={gallery ?? ''} onChange={(event) => goToGallery(event.currentTarget.value)}>
        {!known.some(({ name }) => name === gallery) && <option value={gallery ?? ''}>Choose a gallery</option>}
        {known.map(({ name, count }) => (
          <option key={name} value={name}>
            {name}
            {count !== undefined && ` (${count.toLocaleString('en')})`}
          </option>
        ))}
      </select>
    </label>
  )
}
