/**
 * Letters that are drawn like an ASCII letter (Unicode TR39, the subset that is in use), after compatibility folding and
 * without marks. Rows only: first the ASCII character, then those that look like it.
 */

const ROWS: readonly string[] = [
  'aаαɑ⍺ᴀꭺǝӕ', 'bЬƄᏏᖯʙ', 'cсϲᴄⲥꮯҫ', 'dԁᏧᑯꓒᴅ', 'eеҽєᴇꬲ℮ɛ', 'fϝꞙᵮꬵẝꜰ', 'gɡցƍᶃɢ', 'hһհᏂʜ', 'iіıɩιⅰӏᎥꙇɪ', 'jјϳʝᴊ', 'kκкᴋⲕ', 'lⅼӏǀ∣ɫʟⵏᛁ', 'mⅿмᴍʍ',
  'nոռпηɴ', 'oοоօᴏഠⲟჿס๐໐೦൦०', 'pрρϱᴘⲣ', 'qԛգզ', 'rгᴦⲅꭇʀ', 'sѕƽꜱꮪ', 'tтτᴛ', 'uυսᴜʋꞟ', 'vνѵᴠⅴט', 'wѡԝաᴡɯш', 'xхχⅹ×᙮', 'yуүγყʏყỿ', 'zᴢʐ',
  'AΑАᎪᗅꓮ', 'BΒВᏴᗷꓐ', 'CСϹᏟⲤꓚ', 'DᎠᗞꓓ', 'EΕЕᎬⴹꓰ', 'FϜᖴꓝ', 'GԌᏀᏳꓖ', 'HΗНᎻⲎꓧ', 'IΙІӀᏆⲒꓲ', 'JЈᎫꓙͿ', 'KΚКᏦⲔꓗ', 'LᏞⳐᒪꓡ', 'MΜМᎷⲘꓟ',
  'NΝⲚꓠ', 'OΟОՕⲞꓳ', 'PΡРᏢⲢꓑ', 'QԚⵕ', 'RᎡᏒꓣƦ', 'SЅՏᏕꓢ', 'TΤТᎢⲦꓔ', 'UՍሀꓴ', 'VѴᏙⴸꓦ', 'WԜᎳꓪ', 'XΧХⲬꓫ', 'YΥҮⲨꓬ', 'ZΖᏃꓜ',
  '0ߋ〇', '1١۱', '3ЗƷҘ', '4Ꮞ', '5Ƽ', '6б', '8ȣ',
  '-‐‑‒–—―−﹣ー⁃', '_ˍ﹍﹎﹏', '/⁄∕╱⧸', '.․‧·・', ':ː꞉∶', "'’‘ʹʼ′‵", '"“”″', '=꓿᐀゠', '+᛭➕', '<‹', '>›', '@﹫',
]

export const CONFUSABLES: ReadonlyMap<string, string> = new Map(
  ROWS.flatMap((row) => {
    const [plain = '', ...others] = row
    return others.map((other): [string, string] => [other, plain])
  }),
)
