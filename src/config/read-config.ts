/** Reads the settings from the environment: read once, validated once, frozen. */
import type { Static } from 'typebox'
import { Value } from 'typebox/value'
import { AlikeError } from '../errors.js'
import { type Config, type SettingSchema, Settings, settingsOf, variableOf } from './config.js'

/** Variables of the first version, and what they are now: nobody would notice that the old ones have no effect. */
const renamed: Readonly<Record<string, keyof Config>> = {
  SNAPSHOT_AFTER_WRITES: 'graphCacheAfterWrites',
  SNAPSHOT_AFTER_SECONDS: 'graphCacheAfterSeconds',
}

/**
 * @param environment usually `process.env`; an empty variable counts as unset
 * @throws AlikeError `config_invalid`, naming every invalid setting
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const values: Record<string, unknown> = {}
  const problems: string[] = []
  for (const [name, schema] of settingsOf(Settings.properties)) {
    const text = environment[variableOf(name)]?.trim()
    const value = text === undefined || text === '' ? schema.default : parsed(text, schema)
    if (!Value.Check(schema, value))
      problems.push(`${variableOf(name)} must be ${rangeOf(schema)}${schema.isSecret ? '' : `, not ${shown(text)}`}`)
    values[name] = value
  }
  for (const [variable, name] of Object.entries(renamed))
    if ((environment[variable] ?? '').trim() !== '') problems.push(`${variable} is now called ${variableOf(name)}`)
  const config = values as Static<typeof Settings>
  // otherwise an answer of allowed size would never find room, and its caller be told to try again
  if (problems.length === 0 && config.answersMaxBytes < config.answerMaxBytes)
    problems.push(`ANSWERS_MAX_BYTES must be at least ANSWER_MAX_BYTES, ${config.answerMaxBytes}`)
  if (problems.length > 0) throw new AlikeError('config_invalid', { detail: `${problems.join('; ')}.` })
  return Object.freeze(config)
}

/** A string that cannot be converted stays a string, which the schema then refuses. */
function parsed(text: string, { type }: SettingSchema): string | number | boolean {
  if (type === 'integer') return /^-?\d+$/.test(text) ? Number(text) : text
  if (type === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
  if (type === 'boolean') return { true: true, 1: true, false: false, 0: false }[text.toLowerCase()] ?? text
  return text
}

/** Without the credentials of a URL, also of one without a scheme, because error messages end up in logs. */
const shown = (text = '') => `"${text.replace(/^([\w+.-]+:\/\/)?.*@/s, '$1…@')}"`

function rangeOf({ type, minimum, maximum, enum: choices, accepts }: SettingSchema): string {
  if (choices !== undefined) return `one of ${choices.join(', ')}`
  if (type === 'integer') return `a whole number from ${minimum} to ${maximum}`
  if (type === 'number') return `a number from ${minimum} to ${maximum}`
  return type === 'boolean' ? 'true or false' : (accepts ?? 'a text')
}
