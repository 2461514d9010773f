/** The API call that returns the same hits, for a shell and for TypeScript. Pure. */
import { addressParameters, type SearchParameters } from './search-parameters.js'

export interface SearchCall {
  /** URL of the service, with a trailing slash. */
  base: string
  gallery: string
  parameters: SearchParameters
  /** Name of the query file, if there is one. */
  fileName?: string | undefined
  withKey: boolean
}

export function curlCall({ base, gallery, parameters, fileName, withKey }: SearchCall): string {
  const address = `${base}v1/galleries/${gallery}/search`
  const key = withKey ? [`-H "Authorization: Bearer $ALIKE_KEY"`] : []
  const parts =
    fileName === undefined
      ? [
          `curl ${quoted(address)}`,
          ...key,
          `-H 'Content-Type: application/json'`,
          `-d ${quoted(JSON.stringify(parameters))}`,
        ]
      : [
          `curl ${quoted(`${address}?${addressText(parameters)}`)}`,
          ...key,
          `-H 'Content-Type: image/jpeg'`,
          `--data-binary ${quoted(`@${fileName}`)}`,
        ]
  return parts.join(' \\\n  ')
}

/** With this project's client. */
export function typescriptCall({ base, gallery, parameters, fileName, withKey }: SearchCall): string {
  const options = `{ url: ${JSON.stringify(base)}${withKey ? ', key' : ''} }`
  const stored = fileName === undefined
  return [
    ...(stored ? [] : ["import { readFile } from 'node:fs/promises'"]),
    `import { AlikeClient${stored ? ', dataOf' : ''} } from 'alike-client'`,
    '',
    `const alike = new AlikeClient(${options})`,
    ...(stored
      ? [
          'const { hits } = await dataOf(',
          "  alike.api.POST('/v1/galleries/{gallery}/search', {",
          `    params: { path: { gallery: ${JSON.stringify(gallery)} } },`,
          `    body: ${indented(parameters, 4)},`,
          '  }),',
          ')',
        ]
      : [
          `const picture = new Blob([await readFile(${JSON.stringify(fileName)})])`,
          `const { hits } = await alike.search(${JSON.stringify(gallery)}, picture, ${indented(addressParameters(parameters), 0)})`,
        ]),
  ].join('\n')
}

function indented(value: object, spaces: number): string {
  return JSON.stringify(value, null, 2).replaceAll('\n', `\n${' '.repeat(spaces)}`)
}

/** Quotes any text for a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function addressText(parameters: SearchParameters): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(addressParameters(parameters)))
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one))
  return search.toString()
}
