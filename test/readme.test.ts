/** A stranger reads README.md first: what it lists must exist, and what exists must be listed. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { configurationFile, describeConfiguration } from '../src/cli/write-configuration.js'

const readme = readFileSync('README.md', 'utf8')

test('the page of settings is generated from the schema', () => {
  assert.equal(readFileSync(configurationFile, 'utf8'), describeConfiguration(), 'run npm run configuration')
})

test('no number on the page has a separator that the settings parser refuses', () => {
  assert.doesNotMatch(describeConfiguration(), /`\d{1,3}(,\d{3})+`|\b\d{1,3}(,\d{3})+ to |to \d{1,3}(,\d{3})+\b/)
})

test('every script that the README names exists', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  const named = [...readme.matchAll(/npm (?:run )?(start|test|[a-z]+(?::[a-z]+)?)(?= |\n|`)/g)].map(([, name]) => name!)
  assert.deepEqual(
    named.filter((name) => name !== 'ci' && scripts[name] === undefined),
    [],
  )
})

test('every file that the README links to exists', () => {
  const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path]) => path!)
  assert.deepEqual(
    links.filter((path) => !existsSync(path)),
    [],
  )
})
