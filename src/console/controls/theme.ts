/** Light, dark, or the system's theme. */
import { effect, signal } from '@preact/signals'

const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const place = 'alike-theme'

export const theme = signal<Theme>(themes.find((one) => one === stored()) ?? 'system')

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
