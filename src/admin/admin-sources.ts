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
  readonly budgets: BudgetSources
  reload(): Promise<ReloadResult>
  /** What a profile would do with content; nothing is forwarded. */
  check(order: CheckOrder, profile: string): ContentCheck | 'unknown_profile'
  audit(event: AuditEvent): void
  /** A handler failed: our own fault, answered with 500. */
  failed(thrown: unknown): void
}

/** Who asked for a change, and of which profile. */
export interface OperatorAct {
  readonly agent: string
  readonly via: 'tcp' | 'socket'
}

/** `done`, or why not: a name that does not exist, no receipt, or the state of the store. */
export type BudgetResult = string

export interface BudgetSources {
  /** @param agent absent: all. @returns `undefined` where no such profile is configured */
  show(agent?: string): Promise<JsonObject | undefined>
  grant(grant: { readonly axis: string; readonly amount: number; readonly ttlSeconds: number }, act: OperatorAct): Promise<BudgetResult>
  reset(axis: string | undefined, act: OperatorAct): Promise<BudgetResult>
  freeze(active: boolean, act: OperatorAct): Promise<BudgetResult>
  adopt(act: OperatorAct): Promise<BudgetResult>
}
