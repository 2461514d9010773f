/** The networks that the service offers. */
import { answerOf, service } from './service.js'

/** The default first. @throws ServiceError */
export async function listModels(signal: AbortSignal) {
  return (await answerOf(service.GET('/v1/models', { signal }))).models
}
