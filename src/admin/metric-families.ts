/**
 * Counters kept as plain numbers and handed to the registry when somebody asks: the data path pays for one map look-up
 * and one addition.
 */

import { Counter, Gauge, type Registry } from 'prom-client'

import type { MetricSpec } from './metric-specs.ts'

/** One series. Add to `value` directly. */
export interface Cell {
  value: number
}

interface LabelledCell extends Cell {
  readonly labels: readonly string[]
}

/** No label value holds it: agents are named by a narrow alphabet, all others are words of ours. */
const SEPARATOR = '\u0000'

export class CounterFamily {
  readonly #cells = new Map<string, LabelledCell>()

  constructor(spec: MetricSpec, registry: Registry) {
    const cells = this.#cells
    new Counter({
      name: spec.name,
      help: spec.help,
      labelNames: [...spec.labels],
      registers: [registry],
      collect() {
        this.reset()
        for (const { labels, value } of cells.values()) this.inc(labelRecord(spec.labels, labels), value)
      },
    })
  }

  /** @param labels values in the order of the spec; every one out of a closed set, since a new one is a new series */
  cell(...labels: string[]): Cell {
    const key = labels.length === 1 ? (labels[0] ?? '') : labels.join(SEPARATOR)
    const known = this.#cells.get(key)
    if (known !== undefined) return known
    const cell = { value: 0, labels }
    this.#cells.set(key, cell)
    return cell
  }

  /** Drops the series whose first label is not in `names`. */
  retainFirst(names: ReadonlySet<string>): void {
    for (const [key, { labels }] of this.#cells) if (!names.has(labels[0] ?? '')) this.#cells.delete(key)
  }

  series(): readonly { readonly labels: readonly string[]; readonly value: number }[] {
    return [...this.#cells.values()]
  }
}

/** One value of a gauge: label values in the order of the spec. */
export interface Reading {
  readonly labels: readonly string[]
  readonly value: number
}

/** A gauge that is read when somebody asks. */
export function addGauge(spec: MetricSpec, registry: Registry, read: () => readonly Reading[]): void {
  new Gauge({
    name: spec.name,
    help: spec.help,
    labelNames: [...spec.labels],
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, value } of read()) this.set(labelRecord(spec.labels, labels), value)
    },
  })
}

function labelRecord(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, at) => [name, values[at] ?? '']))
}
