/** One search that is a whole request: within what answers may take, and in turns where it is long. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type AnswerBytes, inOneTurnMaxBytes } from './answer-bytes.js'
import { type AskedSearch, answerSearch, type SearchParts } from './answer-search.js'
import type { ViewedAnswer } from './answer-view.js'
import { inTurns } from './json-in-turns.js'

export interface AnsweredSearchOptions extends SearchParts {
  answers: AnswerBytes
}

interface SearchRequest<Named> {
  request: FastifyRequest
  reply: FastifyReply
  /** What was searched, as the answer calls it. */
  named: Named
  asked: Pick<AskedSearch, 'gallery' | 'set' | 'images' | 'given' | 'placeOf' | 'signal'>
}

export function searchAnswerer({ answers, ...searching }: AnsweredSearchOptions) {
  return async <Named extends object>({ request, reply, named, asked }: SearchRequest<Named>) => {
    const account = answers.of(reply)
    const onBytes = (bytes: number) => account.take(bytes)
    const found = await answerSearch({ ...asked, caller: request.keyName, trace: request.trace, onBytes }, searching)
    const answer: Named & ViewedAnswer = { ...named, ...found }
    return account.bytes > inOneTurnMaxBytes ? inTurns(answer, reply, asked.signal) : answer
  }
}
