/** The frame around every screen: the current gallery and screen, and what to show while there is no gallery. */
import { useEffect, useRef } from 'preact/hooks'
import { caller, loadCaller } from '../api/caller.js'
import { askNow, isLost, lostText } from '../api/connection.js'
import { type GalleryChoices, galleryChoices, loadGalleries, renewGalleries } from '../api/galleries.js'
import { keysGiven } from '../api/key.js'
import { galleriesMissed } from '../api/service.js'
import { KeyDialog } from '../controls/key-dialog.js'
import { LazyScreen, type ScreenLoader } from '../controls/lazy-screen.js'
import { Needs } from '../controls/needs.js'
import { Fault, Notice } from '../controls/notice.js'
import { Toasts } from '../controls/toasts.js'
import { useLoaded } from '../controls/use-loaded.js'
import type { Screen } from '../routing/address.js'
import { route, startWithGallery } from '../routing/route.js'
import { SearchScreen } from '../search/search-screen.js'
import { GalleryName } from './gallery-name.js'
import { Header } from './header.js'
import { mayOpen } from './may-open.js'
import { pageTitle } from './titles.js'
import { usePermissions } from './use-permissions.js'

/** The search is part of the first load; the other screens are loaded on demand. */
const later: Partial<Record<Screen, ScreenLoader>> = {
  gallery: async () => (await import('../gallery/gallery-screen.js')).GalleryScreen,
  operation: async () => (await import('../operation/operation-screen.js')).OperationScreen,
  match: async () => (await import('../match/match-screen.js')).MatchScreen,
  quality: async () => (await import('../quality/quality-screen.js')).QualityScreen,
  map: async () => (await import('../map/map-screen.js')).MapScreen,
  networks: async () => (await import('../networks/networks-screen.js')).NetworksScreen,
}
const loadDemo: ScreenLoader = async () => (await import('../demo/demo-screen.js')).DemoScreen

export function Console() {
  const { error, reload } = useLoaded(loadFirst, [keysGiven.value])
  const { screen, gallery } = route.value
  const choices = galleryChoices.value
  const isUnknown = choices !== undefined && gallery !== undefined && !canBe(choices, gallery)

  useEffect(() => {
    const [first] = choices?.known ?? []
    if (gallery === undefined && choices?.isOpen === false && first !== undefined) startWithGallery(first.name)
  }, [gallery, choices])
  useEffect(() => {
    // it may have been created elsewhere
    if (isUnknown) reload()
  }, [gallery, isUnknown])
  useEffect(() => {
    if (galleriesMissed.value > 0) void renewGalleries()
  }, [galleriesMissed.value])
  useEffect(() => {
    document.title = pageTitle({ screen, gallery })
  }, [screen, gallery])
  useFocusOf(shownOf(screen, gallery))
  usePermissions()

  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      <Header />
      {isLost.value && <Lost />}
      <main id="main" tabIndex={-1}>
        {error !== undefined && <Fault error={error} onAgain={reload} />}
        {choices === undefined && error === undefined && !isLost.value && <Notice>Connecting…</Notice>}
        {choices && <ScreenOf key={keysGiven.value} screen={screen} gallery={gallery} choices={choices} />}
      </main>
      <Toasts />
      <KeyDialog />
    </>
  )
}

/** What the screen shows stays, and what it waits for comes later. */
function Lost() {
  return (
    <div class="lost">
      <Notice kind="fault">
        <p>{lostText} This page keeps trying, and then goes on by itself.</p>
        <p>
          <button type="button" onClick={askNow}>
            Try now
          </button>
        </p>
      </Notice>
    </div>
  )
}

/** What names the shown screen; undefined while nothing is shown. */
function shownOf(screen: Screen, gallery: string | undefined): string | undefined {
  const choices = galleryChoices.value
  if (choices === undefined) return undefined
  if (!isAboutGallery(screen)) return screen
  if (hasNone(choices)) return 'demo'
  return gallery === undefined ? undefined : `${screen} ${gallery}`
}

/** The element with the focus may be gone with the former screen: the new screen then gets it, and the keys. */
function useFocusOf(shown: string | undefined): void {
  const before = useRef(shown)
  useEffect(() => {
    if (shown === undefined || before.current === shown) return
    const isFirst = before.current === undefined
    before.current = shown
    if (!isFirst && document.activeElement === document.body)
      document.getElementById('main')?.focus({ preventScroll: true })
  }, [shown])
}

function isAboutGallery(screen: Screen): boolean {
  return screen !== 'operation' && screen !== 'networks'
}

function hasNone({ known, isOpen }: GalleryChoices): boolean {
  return known.length === 0 && !isOpen
}

function canBe({ known, isOpen }: GalleryChoices, gallery: string): boolean {
  return isOpen || known.some(({ name }) => name === gallery)
}

function WhichGallery() {
  const reached = caller.value?.galleries ?? null
  return (
    <div class="invitation stack">
      <h1>Which gallery?</h1>
      <p>This key may not list galleries. Enter the name of the one to search in.</p>
      {reached !== null && <p class="hint">It reaches galleries called {reached.join(', ')}.</p>}
      <GalleryName />
    </div>
  )
}

async function loadFirst(): Promise<void> {
  await loadCaller()
  await loadGalleries()
}

interface ScreenOfProps {
  screen: Screen
  gallery: string | undefined
  choices: GalleryChoices
}

function ScreenOf({ screen, gallery, choices }: ScreenOfProps) {
  const load = later[screen]
  const aboutGallery = isAboutGallery(screen)
  if (!mayOpen(screen))
    return (
      <Needs to="read" otherwise="reason">
        {null}
      </Needs>
    )
  if (aboutGallery && hasNone(choices)) return <LazyScreen load={loadDemo} gallery="" />
  if (aboutGallery && gallery === undefined) return choices.isOpen ? <WhichGallery /> : null
  if (aboutGallery && !canBe(choices, gallery!))
    return <Notice kind="fault">There is no gallery called {gallery}. Choose another one above.</Notice>
  if (load === undefined) return <SearchScreen key={gallery} gallery={gallery!} />
  return <LazyScreen key={gallery ?? ''} load={load} gallery={gallery ?? ''} />
}
