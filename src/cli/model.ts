/**
 * `npm run model -- install|list|build|compare|switch`: from a trained model folder to the model that serves a gallery,
 * and back. The service does the work; this command requests it, waits and reports.
 */
import { type AlikeClient, dataOf, type Job } from '../../clients/typescript/src/alike-client.js'
import {
  cancelled,
  command,
  errorsOf,
  failed,
  oneOf,
  runCommand,
  serviceOptions,
  serviceWords,
  shellWord,
} from '../command-line.js'
import { visible } from '../text.js'
import { archiveOfModel, filesOfModel } from './model-archive.js'
import { withBar } from './progress-bar.js'
import { type ServicePlace, serviceClient } from './service-client.js'
import { setLines } from './set-lines.js'

const withoutOriginalChoices = ['fail', 'leave_out'] as const

async function install(folder: string, place: ServicePlace): Promise<void> {
  const files = await filesOfModel(folder)
  const { id, name } = await (await serviceClient(place)).installModel({ open: () => archiveOfModel(folder, files) })
  console.log(`${name} (${id}) can be used by galleries.`)
  console.log(`next: ${typed('build', ['GALLERY', name], place)}`)
}

async function list(place: ServicePlace): Promise<void> {
  const { models } = await dataOf((await serviceClient(place)).api.GET('/v1/models'))
  for (const { id, name, runtime } of models)
    console.log(
      `${name} (${id}): ${runtime === null ? 'opened when it is needed' : `${runtime.provider}, ${runtime.precision}`}`,
    )
}

interface Build extends ServicePlace {
  withoutOriginal: (typeof withoutOriginalChoices)[number]
}

async function build(gallery: string, model: string, { withoutOriginal, ...place }: Build): Promise<void> {
  const service = await serviceClient(place)
  const { id } = await dataOf(
    service.api.POST('/v1/galleries/{gallery}/sets', {
      params: { path: { gallery } },
      body: { model, withoutOriginal },
    }),
  )
  const job = await follow(service, id)
  if (job === undefined) {
    console.error(`once it has ended: ${typed('compare', [gallery], place)}`)
    process.exitCode = cancelled
    return
  }
  for await (const { name, code, detail } of service.jobErrors(id)) console.log(visible(`${name}: ${code}: ${detail}`))
  if (job.state !== 'succeeded' && job.state !== 'completed_with_errors') {
    console.log(
      `Job ${job.state.replaceAll('_', ' ')}${job.failure === null ? '' : `: ${visible(job.failure.detail)}`}`,
    )
    process.exitCode = failed
    return
  }
  await compare(gallery, place)
  console.log(`next: ${typed('switch', [gallery, model], place)}${process.exitCode === failed ? ' --force' : ''}`)
}

/** Exit code 1 unless the set has passed the quality gate. */
async function compare(gallery: string, place: ServicePlace): Promise<void> {
  const service = await serviceClient(place)
  const { sets } = await dataOf(service.api.GET('/v1/galleries/{gallery}/sets', { params: { path: { gallery } } }))
  for (const line of setLines(sets, await namesOf(service))) console.log(line)
  if (sets.some(({ state, gate }) => state === 'ready' && gate?.passed === false)) process.exitCode = failed
}

async function switchTo(
  gallery: string,
  model: string,
  { force, ...place }: ServicePlace & { force: boolean },
): Promise<void> {
  const service = await serviceClient(place)
  const path = { gallery }
  const { sets } = await dataOf(
    service.api.PUT('/v1/galleries/{gallery}/serving', { params: { path }, body: { model, force } }),
  )
  const nameOf = await namesOf(service)
  const serving = sets.find(({ state }) => state === 'serving')!
  console.log(`${nameOf(serving.modelId)} (${serving.modelId}) serves ${gallery}: ${serving.count} pictures.`)
  const kept = sets.find(({ state }) => state === 'kept')
  if (kept !== undefined)
    console.log(
      `back, until ${kept.keptUntil?.slice(0, 10) ?? 'it is removed'}: ${typed('switch', [gallery, nameOf(kept.modelId)], place)}`,
    )
}

/** A command for the same service, to be pasted. */
const typed = (verb: 'build' | 'compare' | 'switch', names: readonly string[], place: ServicePlace): string =>
  `npm run model -- ${verb} ${names.map(shellWord).join(' ')}${serviceWords(place)}`

async function namesOf(service: AlikeClient): Promise<(id: string) => string> {
  const { models } = await dataOf(service.api.GET('/v1/models'))
  const names = new Map(models.map(({ id, name }) => [id, name]))
  return (id) => names.get(id) ?? id
}

/** @returns undefined after Ctrl-C: the job may have run for hours, and goes on */
async function follow(service: AlikeClient, id: string): Promise<Job | undefined> {
  const interrupt = new AbortController()
  const onInterrupt = () => interrupt.abort()
  process.once('SIGINT', onInterrupt) // a second one ends the process at once
  const wait = withBar('embed {bar} {value}/{total}, {left} left', 1, (bar) =>
    service.waitForJob(id, {
      signal: interrupt.signal,
      onProgress({ total, done, secondsLeft }) {
        bar.setTotal(total ?? done + 1)
        bar.update(done, { left: secondsLeft === null ? '–' : `${Math.ceil(secondsLeft)} s` })
      },
    }),
  )
  try {
    return await wait
  } catch (error) {
    console.error(`Job ${id} goes on without this command; DELETE /v1/jobs/${id} cancels it.`)
    if (!interrupt.signal.aborted) throw error
    return undefined
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

const program = command('npm run model --', 'Installs models in a running service, and changes the model of a gallery.')
const subcommand = (name: string, description: string) =>
  program
    .command(name)
    .description(description)
    .configureOutput(errorsOf(`npm run model -- ${name}`))
    .option(...serviceOptions.url)
    .option(...serviceOptions.key)
    .addOption(serviceOptions.keyFile)

subcommand('install', 'Uploads the folder of a network; the service verifies it.')
  .argument('<folder>', 'such as onnx/mine')
  .action(install)
subcommand('list', 'Lists the models of the service.').action(list)
subcommand('build', 'Embeds a gallery with another model in the background, and compares both.')
  .argument('<gallery>')
  .argument('<model>', 'name or id')
  .option(
    '--without-original <choice>',
    'fail or leave_out: how to treat pictures without an original',
    oneOf(withoutOriginalChoices),
    'fail' as const,
  )
  .action(build)
subcommand(
  'compare',
  'Compares the models of a gallery and shows the verdict; exits with 1 if one did not pass the quality gate.',
)
  .argument('<gallery>')
  .action(compare)
subcommand('switch', 'Switches the searches of a gallery to another model, or back.')
  .argument('<gallery>')
  .argument('<model>', 'name or id')
  .option('--force', 'switch although it did not pass the quality gate', false)
  .action(switchTo)

await runCommand(program)
