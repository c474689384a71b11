import tseslint from 'typescript-eslint'


const confine = (name, message) => ({ name, message })

export default tseslint.config(
  { ignores: ['node_modules', 'dist', 'coverage'] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: { allowDefaultProject: ['*.js', '*.cjs', '*.config.ts'] }, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      // Size: numbers from docs/style.md.
      'max-lines': ['error', { max: 300, skipBlankLines: true, skipComments: true }],
      'max-lines-per-function': ['error', { max: 40, skipBlankLines: true, skipComments: true }],
      'max-depth': ['error', 3],
      'max-params': ['error', 4],
      complexity: ['error', 10],

      // Failure must be visible.
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true }],
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'before', 'after', 'beforeEach', 'afterEach'] }] },
      ],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/use-unknown-in-catch-callback-variable': 'error',
      'no-console': 'error',

      // Effects live in one place each.
      'no-restricted-globals': ['error', confine('fetch', 'Only egress/ opens connections.')],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Take a Clock (base/clock.ts).' },
        { object: 'Math', property: 'random', message: 'Use node:crypto.' },
        { object: 'process', property: 'env', message: 'Only config/ and cli/ read the environment.' },
        { object: 'process', property: 'exit', message: 'Only cli/ ends the process.' },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'Name every export: a door you cannot list is not a door.' },
        { selector: "TSAsExpression > TSTypeReference[typeName.name='Cleared']", message: 'Only a scan stage clears a value (pipeline/scan-request.ts, pipeline/screen-response.ts).' },
        { selector: 'ExportDefaultDeclaration', message: 'Use named exports.' },
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Take a Clock (base/clock.ts).' },
        { selector: "ThrowStatement > NewExpression[callee.name='Error']", message: 'Throw a named error class, or return a Denial.' },
      ],

      // Shape and names.
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'typeLike', format: ['PascalCase'], custom: { regex: '(Manager|Helper|Util|Utils|Info|Impl|Data)$', match: false } },
        { selector: 'function', format: ['camelCase'] },
        { selector: 'variable', format: ['camelCase', 'UPPER_CASE'], filter: { regex: '^[a-z]+(_[a-z]+)+$', match: false } },
      ],

    },
  },
  { files: ['src/base/clock.ts'], rules: { 'no-restricted-properties': 'off', 'no-restricted-syntax': 'off' } },
  { files: ['src/cli/**', 'src/config/**', 'bin/**'], rules: { 'no-restricted-properties': 'off', 'no-console': 'off' } },
  { files: ['src/pipeline/scan-request.ts', 'src/pipeline/stages.ts', 'src/pipeline/screen-response.ts'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['src/egress/**'], rules: { 'no-restricted-globals': 'off' } },
  {
    files: ['test/**', '**/*.test.ts', 'scripts/**', 'bench/**', '*.config.*'],
    rules: { 'max-lines-per-function': 'off', 'max-lines': ['error', 500], 'no-restricted-syntax': 'off', 'no-restricted-globals': 'off', 'no-restricted-properties': 'off', 'no-console': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  { files: ['**/*.js', '**/*.cjs'], extends: [tseslint.configs.disableTypeChecked], rules: { 'no-restricted-syntax': 'off' } },
)
