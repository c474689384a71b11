/** The kill switch: four sources, each its own master; global and per profile. */

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createKillSwitch, type KillSwitchChange, type KillSwitchSource } from './kill-switch.ts'

const OFF = { enabled: false, agents: [] }

test('nothing is on at the start', () => {
  assert.equal(createKillSwitch().isOn('agent-a'), undefined)
})

for (const source of ['config', 'signal', 'sentinel', 'admin'] as const) {
  test(`${source} alone stops everyone, and lets everyone go again`, () => {
    const killSwitch = createKillSwitch()
    killSwitch.set(source, true)
    assert.deepEqual(killSwitch.isOn('agent-a'), [source])
    assert.deepEqual(killSwitch.isOn('_default'), [source])
    killSwitch.set(source, false)
    assert.equal(killSwitch.isOn('agent-a'), undefined)
  })

  test(`switching every source off but ${source} leaves it on`, () => {
    const killSwitch = createKillSwitch()
    const all: KillSwitchSource[] = ['config', 'signal', 'sentinel', 'admin']
    for (const each of all) killSwitch.set(each, true)
    assert.deepEqual(killSwitch.isOn('agent-a'), all)
    for (const each of all) if (each !== source) killSwitch.set(each, false)
    assert.deepEqual(killSwitch.isOn('agent-a'), [source])
  })
}

test('one profile is stopped, the others go on', () => {
  const killSwitch = createKillSwitch()
  killSwitch.set('admin', true, 'agent-a')
  assert.deepEqual(killSwitch.isOn('agent-a'), ['admin'])
  assert.equal(killSwitch.isOn('agent-b'), undefined)
  killSwitch.set('admin', false)
  assert.deepEqual(killSwitch.isOn('agent-a'), ['admin'])
})

test('sources of everyone and of the profile are named together, each once', () => {
  const killSwitch = createKillSwitch()
  killSwitch.set('admin', true, 'agent-a')
  killSwitch.set('admin', true)
  killSwitch.set('config', true)
  assert.deepEqual(killSwitch.isOn('agent-a'), ['config', 'admin'])
})

test('a signal turns its source round', () => {
  const killSwitch = createKillSwitch()
  killSwitch.toggle('signal')
  assert.deepEqual(killSwitch.isOn('agent-a'), ['signal'])
  killSwitch.toggle('signal')
  assert.equal(killSwitch.isOn('agent-a'), undefined)
})

test('a reload changes what the configuration set, and nothing else', () => {
  const killSwitch = createKillSwitch()
  killSwitch.applyConfig({ enabled: true, agents: ['agent-a'] })
  killSwitch.set('admin', true)
  killSwitch.set('sentinel', true, 'agent-b')
  killSwitch.applyConfig({ enabled: false, agents: ['agent-c'] })
  assert.deepEqual(killSwitch.snapshot(), { global: ['admin'], agents: { 'agent-b': ['sentinel'], 'agent-c': ['config'] } })

  killSwitch.applyConfig(OFF)
  assert.deepEqual(killSwitch.snapshot(), { global: ['admin'], agents: { 'agent-b': ['sentinel'] } })
})

test('a change is told once, after it holds; what changes nothing is not told', () => {
  const killSwitch = createKillSwitch()
  const told: (KillSwitchChange & { readonly on: boolean })[] = []
  const stop = killSwitch.onChange((change) => told.push({ ...change, on: killSwitch.isOn('agent-a') !== undefined }))
  killSwitch.set('admin', true)
  killSwitch.set('admin', true)
  killSwitch.set('sentinel', false)
  killSwitch.set('admin', false)
  stop()
  killSwitch.set('admin', true)
  assert.deepEqual(told, [
    { source: 'admin', scope: '*', active: true, on: true },
    { source: 'admin', scope: '*', active: false, on: false },
  ])
})

test('a listener that fails keeps neither the others nor the rest of a reload from happening', () => {
  const killSwitch = createKillSwitch()
  const heard: string[] = []
  killSwitch.onChange(() => {
    throw new TypeError('broken listener')
  })
  killSwitch.onChange(({ scope }) => heard.push(scope))
  assert.throws(() => {
    killSwitch.applyConfig({ enabled: true, agents: ['agent-a'] })
  }, AggregateError)
  assert.deepEqual(heard, ['agent-a', '*'])
  assert.deepEqual(killSwitch.isOn('agent-b'), ['config'])
})
