/** Sends decisions about findings to the service, which applies and remembers them. */
import type { operations } from 'openapi'
import { answerOf, service } from '../api/service.js'

export type Decision = NonNullable<operations['decide']['requestBody']>['content']['application/json']

/** @throws ServiceError */
export async function decide(gallery: string, decision: Decision): Promise<void> {
  await answerOf(service.POST('/v1/galleries/{gallery}/decisions', { params: { path: { gallery } }, body: decision }))
}
