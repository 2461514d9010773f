/** Light, dark, or the system's theme. */
import { computed, effect, signal } from '@preact/signals'

const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const place = 'alike-theme'

export const theme = signal<Theme>(themes.find((one) => one === stored()) ?? 'system')

const darkSystem = matchMedia('(prefers-color-scheme: dark)')
const isSystemDark = signal(darkSystem.matches)
darkSystem.addEventListener('change', ({ matches }) => {
  isSystemDark.value = matches
})

/** For what is drawn in colours of the style: it is to be drawn again whenever this changes. */
export const shownTheme = computed(() => {
  if (theme.value !== 'system') return theme.value
  return isSystemDark.value ? 'dark' : 'light'
})

effect(() => {
  if (theme.value === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme.value
  try {
    localStorage.setItem(place, theme.value)
  } catch {
    // without storage it lasts as long as the page
  }
})

export function nextTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length]!
}

function stored(): string | null {
  try {
    return localStorage.getItem(place)
  } catch {
    return null
  }
}
