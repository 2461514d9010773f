/** What a caller may do: verbs, and the galleries in which they apply. */

/** Each role includes the previous ones. */
export const roles = ['read', 'write', 'admin'] as const
export type Role = (typeof roles)[number]

/** `search`: queries; `read`: look-ups; `delete`: removals; `admin`: everything else. */
export const verbs = ['search', 'read', 'metrics', 'write', 'delete', 'admin'] as const
export type Verb = (typeof verbs)[number]

const verbsOfRoles: Record<Role, readonly Verb[]> = {
  read: ['search', 'read', 'metrics'],
  write: ['search', 'read', 'metrics', 'write', 'delete'],
  admin: verbs,
}

export interface Grant {
  verbs: ReadonlySet<Verb>
  /** Names, or prefixes ending with `*`; undefined: every gallery, and whatever belongs to none. */
  galleries?: readonly string[] | undefined
}

/** A caller and its permissions. */
export interface Caller {
  /** For log, rate limit and audit log. */
  name: string
  grant: Grant
  expiresAt?: Date | undefined
}

export const galleryPattern = /^[A-Za-z0-9._-]{1,64}\*?$|^\*$/

export function verbsOf(role: Role): readonly Verb[] {
  return verbsOfRoles[role]
}

/** @param grant undefined if the service is open */
export function allows(grant: Grant | undefined, verb: Verb): boolean {
  return grant === undefined || grant.verbs.has(verb)
}

/** @param grant undefined if the service is open */
export function reaches(grant: Grant | undefined, gallery: string): boolean {
  const { galleries } = grant ?? {}
  if (galleries === undefined) return true
  return galleries.some((pattern) =>
    pattern.endsWith('*') ? gallery.startsWith(pattern.slice(0, -1)) : gallery === pattern,
  )
}
