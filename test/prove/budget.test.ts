/** Full-size acceptance of the budget ledger: the suite's own tests, with more runs and more kills. */

process.env['CHAPERONE_RUNS'] = '20000'
process.env['CHAPERONE_RUNS_MS'] = '240000'
process.env['CHAPERONE_KILLS'] = '40'

await import('../properties/budget-ledger.test.ts')
await import('../integration/budget-kill.test.ts')

export {}
