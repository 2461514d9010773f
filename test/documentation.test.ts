/** Every relative link in the documentation leads to a file, and to an existing heading if it names one. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { test } from 'node:test'

const pages = globSync(['*.md', 'docs/**/*.md', 'clients/*/README.md', 'onnx/*/*.md'])
const textOf = (page: string): string => readFileSync(page, 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '')

/** The anchors that GitHub gives the headings of a page: lower case, punctuation removed, repeated ones numbered. */
function anchorsOf(page: string): Set<string> {
  const seen = new Map<string, number>()
  const anchors = [...textOf(page).matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading]) => {
    const plain = heading!.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const anchor = plain.replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-')
    const times = seen.get(anchor) ?? 0
    seen.set(anchor, times + 1)
    return times === 0 ? anchor : `${anchor}-${times}`
  })
  return new Set(anchors)
}

function brokenLinksOf(page: string): string[] {
  return [...textOf(page).matchAll(/\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]*))?\)/g)].flatMap(([link, path, anchor]) => {
    const target = path === '' ? page : normalize(join(dirname(page), path!))
    const found = existsSync(target) && (anchor === undefined || anchorsOf(target).has(anchor))
    return found ? [] : [`${page}: ${link.slice(1)}`]
  })
}

test('every relative link leads to a file, and every anchor to a heading', () => {
  assert.ok(pages.length > 50, `${pages.length} pages`)
  assert.deepEqual(pages.flatMap(brokenLinksOf), [])
})

test('the index of the documentation lists every page', () => {
  const index = readFileSync('docs/README.md', 'utf8')
  const listed = globSync('docs/*.md').filter((page) => page !== normalize('docs/README.md'))
  assert.deepEqual(
    listed.filter((page) => !index.includes(`](${page.slice('docs/'.length)})`)),
    [],
  )
})

test('commands outside a container run on the pinned Node.js', () => {
  const inContainer = /^dist\/src\/cli\/(backup|restore|make-key)\.js$/
  const bare = pages.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/(?<!npx\s+)\bnode\s+(?:--[\w-]+\s+(?:'[^']*'\s+)?)*(dist\/[\w/.-]+)/g)]
      .filter(([, file]) => !inContainer.test(file!))
      .map(([command]) => `${page}: ${command}`),
  )
  assert.deepEqual(bare, [])
})
