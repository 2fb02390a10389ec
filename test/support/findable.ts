/** What people write in agents' sessions, and what others type to find it. */
export const findable: readonly (readonly [text: string, ...queries: string[]])[] = [
  [
    'I edited src/http/edge.ts and packages/client/src/link.ts',
    ...['edge.ts', 'link', 'http/edge', 'src/http/edge.ts', 'LINK.TS', '"and packages"', 'edi'],
  ],
  ['TypeError: x is no function at foo.bar (app.js:10:5)', 'app.js', 'foo.bar', 'app.js:10'],
  [
    'call getUserById(userId)',
    ...['getUser', 'getuser', 'UserById', 'user_id', 'getUserById(userId)', 'userid'],
  ],
  ['the value 0xDEADBEEF', 'DEADBEEF', '0xdeadbeef', 'deadb', '0xDEAD'],
  ['https://github.com/kevinelliott/agentpipe/issues/42', 'agentpipe', 'github', 'issues/42'],
  ['中文搜索测试 東京タワー', '搜索', '東京', 'タワー', '中', '文搜', '试'],
  ['春が来た。桜が咲いている', '桜', '咲いて', '春が来た', '"桜が咲い"'],
  ['ภาษาไทยไม่มีช่องว่าง', 'ไทย', 'ช่องว่าง'],
  ['한국어를 검색한다', '한국어', '검색'],
  ['released v1.2.3-beta.4', '1.2.3', 'v1.2.3-beta.4', 'beta', 'v1.2'],
  ['write to user@example.com', 'example.com', 'user@example.com', 'user@exam'],
  ['<script>alert(1)</script>', 'alert', 'script', 'alert(1)'],
  ['naïve café Straße', 'cafe', 'strasse', 'NAIVE', 'café', 'STRASSE'],
  ['they party', 'par', 'they par', '"they party"'],
  ['set MAX_RETRY_COUNT and parseHTTPResponse', 'max_retry', 'RETRY', 'http', 'parsehttp'],
  ['a kebab-case-name here', 'case-name', 'kebab', 'kebab-case'],
  ['Ünïcödé МОСКВА Ελλάδα', 'unicode', 'москва', 'ελλαδα'],
  ['commit 3f2a9bc and 550e8400-e29b-41d4-a716-446655440000', '3f2a9', '550e8400', 'e29b-41d4'],
];
