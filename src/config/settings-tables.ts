/** The settings in the form of docs/configuration.md. Numbers are in the format that the parser accepts. */
import { type SettingSchema, settingsOf, subjects, variableOf } from './config.js'

/** One Markdown table per subject. */
export function settingsTables(): string {
  return Object.entries(subjects)
    .map(([subject, settings]) => `## ${subject}\n\n${tableOf(settings)}`)
    .join('\n\n')
}

function tableOf(settings: object): string {
  const rows = settingsOf(settings).map(
    ([name, schema]) =>
      `| \`${variableOf(name)}\` | ${defaultOf(schema)} | ${allowedOf(schema)} | ${schema.description} |`,
  )
  return ['| variable | default | allowed | meaning |', '|---|---|---|---|', ...rows].join('\n')
}

function allowedOf({ type, minimum, maximum, enum: choices, accepts }: SettingSchema): string {
  if (type === 'string') return accepts ?? ''
  if (choices !== undefined) return choices.map((choice) => `\`${choice}\``).join(' ')
  return type === 'boolean' ? '`true` `false`' : `${minimum} to ${maximum}`
}

function defaultOf({ default: value }: SettingSchema): string {
  return value === '' ? 'none' : `\`${value}\``
}
