/**
 * The URL of a request must be valid text, otherwise the request is refused: percent-encoded bytes that are not UTF-8
 * would be taken literally by one reader and replaced by U+FFFD by another.
 */
import type { FastifyInstance } from 'fastify'
import { cutText, misfitOfText } from '../../text.js'
import { type Misfit, RequestInvalid } from '../validation.js'

export function expectAddressText(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { url = '' } = request.raw
    const misfit = isPlain.test(url) ? undefined : misfitOfAddress(url)
    if (misfit === undefined) done()
    else done(new RequestInvalid([misfit]))
  })
}

const isPlain = /^[!-$&-~]*$/ // ASCII without spaces and percent signs

function misfitOfAddress(url: string): Misfit | undefined {
  const [path = '', query] = splitOnce(url, '?')
  const detail = misfitOfPart(path)
  if (detail !== undefined) return { in: 'path', pointer: '', detail }
  for (const parameter of query?.split('&') ?? []) {
    const [name = '', value = ''] = splitOnce(parameter, '=')
    const misfit = misfitOfPart(name) ?? misfitOfPart(value)
    if (misfit !== undefined)
      return {
        in: 'query',
        pointer: misfitOfPart(name) === undefined ? `/${cutText(decodeURIComponent(name), 200)}` : '',
        detail: misfit,
      }
  }
  return undefined
}

function misfitOfPart(part: string): string | undefined {
  if (/[^!-~]/.test(part)) return 'has bytes that have to be percent-encoded'
  try {
    return misfitOfText(decodeURIComponent(part))
  } catch {
    return 'has a percent sign that encodes no UTF-8'
  }
}

function splitOnce(text: string, by: string): [string, string?] {
  const at = text.indexOf(by)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
