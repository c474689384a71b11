/** What the admin listener shows and moves, as callbacks: server.ts composes them, admin/ knows none of the folders behind. */

import type { AuditEvent, ReloadResult } from '../model/audit-event.ts'
import type { CheckOrder, ContentCheck } from '../model/content-check.ts'

export interface ReadinessCheck {
  /** For example `recorder`, `config`, `draining`. */
  readonly name: string
  readonly ok: boolean
  /** Shown to anybody who asks: no secrets, no request data. */
  readonly detail?: string
}

/** An object that can be written as JSON. */
export type JsonObject = Readonly<Record<string, unknown>>

export interface AdminSources {
  /** Ready while every check is ok. The kill switch is none of them: a companion that refuses on request is well. */
  readiness(): readonly ReadinessCheck[]
  stats(): JsonObject
  status(): JsonObject
  /** One object per configured profile. */
  agents(): readonly JsonObject[]
  /** Prometheus text format 0.0.4. */
  metricsText(): Promise<string>
  readonly killSwitch: {
    snapshot(): object
    /** @param agent absent: everyone */
    set(active: boolean, agent?: string): 'done' | 'unknown_agent'
  }
  reload(): Promise<ReloadResult>
  /** What a profile would do with content; nothing is forwarded. */
  check(order: CheckOrder, profile: string): ContentCheck | 'unknown_profile'
  audit(event: AuditEvent): void
  /** A handler failed: our own fault, answered with 500. */
  failed(thrown: unknown): void
}
