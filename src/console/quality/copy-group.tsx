/** A group of near-copies, to keep one of, to keep all of, or to say that they are none. */
import { useState } from 'preact/hooks'
import type { Schemas } from '../api/service.js'
import { Confirm } from '../controls/confirm.js'
import { countText, picturesText } from '../controls/counts.js'
import { Needs } from '../controls/needs.js'
import { PathText } from '../controls/path-text.js'
import { say, sayFault } from '../controls/toasts.js'
import { useAction } from '../controls/use-action.js'
import { directCopies } from './direct-copies.js'
import { FindingImage, FirstOf } from './finding.js'
import type { Finding } from './settled.js'
import type { Decisions } from './use-decisions.js'

const shownFirst = 12

export type Group = Schemas['Duplicates']['groups'][number]

export interface CopyGroupProps {
  gallery: string
  group: Group
  duplicateScore: number
  decisions: Decisions
}

export function copiesFinding({ images }: Group) {
  return { kind: 'copies' as const, ids: images.map(({ id }) => id) } satisfies Finding
}

export function CopyGroup({ gallery, group, duplicateScore, decisions }: CopyGroupProps) {
  const { images, size, identical } = group
  const about = copiesFinding(group)
  const { keepOnly, busy, question } = useKeepOnly({ gallery, group, duplicateScore, decisions })
  return (
    <li class="finding">
      <FirstOf all={images} first={shownFirst}>
        {({ id, label, nearCopyScore }) => (
          <FindingImage key={id} gallery={gallery} id={id} label={label} note={`copy ${nearCopyScore.toFixed(2)}`}>
            <Needs to={['search', 'delete']} otherwise="nothing">
              <button type="button" aria-disabled={busy} onClick={() => keepOnly(id)}>
                Keep only this<span class="unseen"> one, {id}</span>
              </button>
            </Needs>
          </FindingImage>
        )}
      </FirstOf>
      <div class="finding-question">
        <p class="hint">
          {identical ? 'The same file' : 'Near-copies'}
          {size > images.length && `, ${size.toLocaleString('en')} in all, of which these are decided about`}
        </p>
        <div class="row">
          <button type="button" onClick={() => decisions.decide({ ...about, decision: 'not-copies' })}>
            Not copies
          </button>
          <button type="button" class="quiet" onClick={() => decisions.decide({ ...about, decision: 'dismissed' })}>
            Copies that may stay
          </button>
        </div>
      </div>
      {question}
    </li>
  )
}

/** Asks before it keeps one picture of a group in which some are copies of others only: those stay. */
function useKeepOnly({ gallery, group: { images }, duplicateScore, decisions }: CopyGroupProps) {
  const [asked, setAsked] = useState<{ keep: string; copies: string[]; stay: string[] }>()
  const { busy, act } = useAction()
  const remove = (keep: string, copies: readonly string[]) => decisions.keepOneOf([{ ids: [keep, ...copies], keep }])
  const find = async (keep: string) => {
    const copies = await directCopies(gallery, images, { keep, duplicateScore })
    const stay = images.flatMap(({ id }) => (id === keep || copies.includes(id) ? [] : id))
    if (stay.length === 0) remove(keep, copies)
    else if (copies.length > 0) setAsked({ keep, copies, stay })
    else say('None of the others is a copy of this one: all stay.')
  }
  const question = asked && (
    <Confirm
      title={
        <>
          Keep only <PathText path={asked.keep} />?
        </>
      }
      action={`Delete ${countText(asked.copies.length, 'copy', 'copies')} of it`}
      otherwise="Delete nothing"
      onConfirm={() => remove(asked.keep, asked.copies)}
      onClose={() => setAsked(undefined)}
    >
      {asked.stay.length === 1 ? '1 picture is a copy' : `${picturesText(asked.stay.length)} are copies`} of others of
      the group only, and would stay:
      {asked.stay.map((id) => (
        <>
          {' '}
          <span class="chip">
            <PathText path={id} />
          </span>
        </>
      ))}
    </Confirm>
  )
  return { keepOnly: (keep: string) => void act(() => find(keep).catch(sayFault)), busy, question }
}
