/**
 * The layer diagram of docs/architecture.md, as a test. Lower layers never import upper ones.
 *
 *   cli → server → ingress, admin → pipeline → domain → model → base
 *   verify → receipt/format, receipt/entry → base        (auditable alone)
 *   verify/envelope → what envelope/ has without a clock, a store or a private key → base
 */
const DOMAIN = 'identity|gates|budget|scan|redact|envelope|receipt|keys|egress'

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or are missing a third that both need. Type-only cycles count.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'base-is-pure',
      comment: 'base/ knows nothing of this product and touches nothing outside the process.',
      severity: 'error',
      from: { path: '^src/base/', pathNot: '[.]test[.]ts$' },
      to: { pathNot: ['^src/base/', '^node:(crypto|net|buffer|util)$', '^(crypto|net|buffer|util)$'] },
    },
    {
      name: 'model-is-nouns',
      comment: 'model/ is the vocabulary all folders share. If it needs behaviour from above, the behaviour is in the wrong place.',
      severity: 'error',
      from: { path: '^src/model/', pathNot: '[.]test[.]ts$' },
      to: { pathNot: '^src/(base|model)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'domains-do-not-meet',
      comment: 'Domain folders meet in pipeline/ and nowhere else. Move the shared noun to model/, or compose in pipeline/stages.ts.',
      severity: 'error',
      from: { path: `^src/(${DOMAIN})/` },
      to: { path: `^src/(${DOMAIN})/`, pathNot: '^src/$1/' },
    },
    {
      name: 'unit-tests-stay-home',
      comment: 'A unit test tests its own folder. One that needs two folders is an integration test: put it in test/.',
      severity: 'error',
      from: { path: `^src/(${DOMAIN}|verify)/.+[.]test[.]ts$` },
      to: { path: '^src/', pathNot: ['^src/$1/', '^src/(base|model)/'] },
    },
    {
      name: 'domain-looks-down',
      comment: 'A domain folder may use base/ and model/ only.',
      severity: 'error',
      from: { path: `^src/(${DOMAIN})/` },
      to: { path: '^src/(config|pipeline|ingress|admin|cli|verify|server)' },
    },
    {
      name: 'through-the-door',
      comment: 'Import another folder through its index.ts. If what you need is not exported, ask whether you should need it.',
      severity: 'error',
      // Files directly under src/ have no folder of their own: for them $1 is their name, which excuses nothing.
      from: { path: '^src/([^/]+)', pathNot: '^src/verify/' },
      to: { path: `^src/(${DOMAIN}|pipeline)/`, pathNot: ['^src/$1/', '^src/[^/]+/index[.]ts$'] },
    },
    {
      name: 'verify-stands-alone',
      comment: 'An auditor reads verify/ and the pure format files of receipt/, and nothing else.',
      severity: 'error',
      from: { path: '^src/verify/', pathNot: ['[.]test[.]ts$', '^src/verify/envelope/'] },
      to: { pathNot: ['^src/verify/', '^src/base/', '^src/receipt/(format|entry|go-json)[.]ts$', '^(node:)?crypto$'] },
    },
    {
      name: 'verify-envelope-stands-alone',
      comment: 'An auditor of envelopes reads verify/envelope/ and what envelope/ has without a store and a private key.',
      severity: 'error',
      from: { path: '^src/verify/envelope/', pathNot: '[.]test[.]ts$' },
      to: {
        path: '.',
        pathNot: ['^src/verify/envelope/', '^src/base/', '^src/model/raw-headers[.]ts$', '^src/envelope/(?!index|memory-|replay-|redis-|sign-)[a-z0-9-]+[.]ts$', '^(node:)?crypto$'],
      },
    },
    {
      name: 'only-pipeline-blocks',
      comment: 'Domain folders return a Denial. Throwing Block is for pipeline/ stages, so that there is one catch.',
      severity: 'error',
      from: { pathNot: '^src/pipeline/' },
      to: { path: '^src/pipeline/block[.]ts$' },
    },
    {
      name: 'network-at-the-edge',
      comment: 'Sockets are opened by ingress/, egress/ and admin/ only (and by the command line as a client of the admin socket).',
      severity: 'error',
      // base/ip-address.ts takes isIPv4 and isIPv6 from node:net, which open nothing.
      from: { path: '^src/', pathNot: ['^src/(ingress|egress|admin|testing)/', '^src/(cli|budget|envelope)/.*-client[.]ts$', '^src/base/ip-address[.]ts$', '[.]test[.]ts$'] },
      to: { path: ['^(node:)?(net|http|https|http2|tls|dns|dns/promises|dgram)$', 'node_modules/(undici|ioredis)/'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'files-at-the-edge',
      comment: 'Files are read and written by config/, cli/ and the *-store.ts / *-file.ts adapters only.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(config|cli)/', '-(store|file)[.]ts$', '[.]test[.]ts$'] },
      to: { path: '^(node:)?fs(/promises)?$' },
    },
    {
      name: 'one-spawner',
      comment: 'Child processes are started by egress/child-process.ts only: that is the stdio upstream of an MCP server.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/egress/child-process[.]ts$', '[.]test[.]ts$'] },
      to: { path: '^(node:)?child_process$' },
    },
    {
      name: 'no-test-code-in-product',
      comment: 'Product code never imports a test.',
      severity: 'error',
      from: { path: '^(src|bin)/', pathNot: '[.]test[.]ts$' },
      to: { path: '([.]test[.]ts$|^test/)' },
    },
    {
      name: 'no-dead-files',
      comment: 'A file nothing imports is deleted.',
      severity: 'error',
      from: { path: '^src/', orphan: true, pathNot: '[.](test|d)[.]ts$' },
      to: {},
    },
    {
      name: 'declared-dependencies',
      comment: 'Product code uses only what package.json lists under dependencies.',
      severity: 'error',
      from: { path: '^(src|bin)/', pathNot: '[.]test[.]ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'], extensions: ['.ts', '.js'] },
  },
}
