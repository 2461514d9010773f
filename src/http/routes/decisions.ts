/** `/v1/galleries/{gallery}/decisions`: findings of `doctor` and `duplicates`, resolved. */
import { Type } from 'typebox'
import { AlikeError } from '../../errors.js'
import type { Galleries } from '../../gallery/galleries.js'
import type { Metrics } from '../../metrics/metrics.js'
import { ListCursors } from '../list-cursors.js'
import { expectVerb } from '../plugins/access.js'
import {
  Decision,
  DecisionBody,
  type DecisionGiven,
  DecisionList,
  DecisionListParameters,
  DecisionPath,
  decisionView,
  newDecision,
} from '../schemas/decision.js'
import { reference } from '../schemas/named.js'
import { GalleryPath } from '../schemas/parameters.js'
import { problems } from '../schemas/problem.js'
import type { Routes, TypedApp } from '../typed-app.js'

export interface DecisionRouteOptions {
  galleries: Galleries
  metrics: Metrics
}

const tags = ['feedback']

export const decisionRoutes: Routes<DecisionRouteOptions> = async (app, options) => {
  decide(app, options)
  listDecisions(app, options)
  takeBackDecision(app, options)
}

function decide(app: TypedApp, { galleries, metrics }: DecisionRouteOptions): void {
  app.post(
    '/v1/galleries/:gallery/decisions',
    {
      config: { role: 'write' },
      schema: {
        operationId: 'decide',
        tags,
        summary: 'Resolve a finding',
        description:
          'Labels are set and copies deleted (which needs the verb `delete`) before this is answered; if a crash interrupts it, it is completed at the next start. Later reports of `doctor` and `duplicates` leave the finding out, as long as its images and labels do not change.',
        params: GalleryPath,
        body: DecisionBody,
        response: {
          201: { description: 'The decision is stored and applied.', ...reference(Decision) },
          ...problems(400, 404, 409, 415, 429, 507),
        },
      },
    },
    async (request, reply) => {
      const { gallery } = request.params
      const decision = newDecision(request.body as DecisionGiven, request.keyName)
      if (decision.decision === 'keep-one') expectVerb(request.grant, 'delete') // it deletes the others
      const record = await (await galleries.decisions(gallery)).decide(decision)
      metrics.countDecided(record.decision)
      return reply.code(201).send(decisionView(gallery, record))
    },
  )
}

function listDecisions(app: TypedApp, { galleries }: DecisionRouteOptions): void {
  app.get(
    '/v1/galleries/:gallery/decisions',
    {
      config: { role: 'read' },
      schema: {
        operationId: 'listDecisions',
        tags,
        summary: 'List decisions, page by page',
        params: GalleryPath,
        querystring: DecisionListParameters,
        response: { 200: { description: 'In order of arrival.', ...DecisionList }, ...problems(400, 404) },
      },
    },
    async (request) => {
      const { gallery } = request.params
      const { id, limit = 100, cursor } = request.query
      // numbers ascend in every selection of decisions, so a cursor holds for all of them
      const cursors = new ListCursors('decisions', gallery)
      const after = cursor === undefined ? 0 : cursors.numberOf(cursor)
      const decided = await galleries.decisions(gallery)
      const found = await decided.page(after, limit + 1, id)
      const decisions = found.slice(0, limit)
      return {
        decisions: decisions.map((decision) => decisionView(gallery, decision)),
        nextCursor: found.length > limit ? cursors.at(String(decisions.at(-1)!.number)) : undefined,
      }
    },
  )
}

function takeBackDecision(app: TypedApp, { galleries }: DecisionRouteOptions): void {
  app.delete(
    '/v1/galleries/:gallery/decisions/:decision',
    {
      config: { role: 'write' },
      schema: {
        operationId: 'takeBackDecision',
        tags,
        summary: 'Revoke a decision',
        description:
          'The finding is reported again. A label that the decision set is restored, unless it has been changed since; deleted images stay deleted.',
        params: DecisionPath,
        response: { 204: { description: 'It has been revoked.', ...Type.Null() }, ...problems(400, 404, 429, 507) },
      },
    },
    async (request, reply) => {
      const { gallery, decision } = request.params
      if (!/^\d{1,15}$/.test(decision)) throw new AlikeError('decision_not_found')
      await (await galleries.decisions(gallery)).takeBack(Number(decision))
      return reply.code(204).send(null)
    },
  )
}
