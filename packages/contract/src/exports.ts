/** What a session can be exported as. */
export const exportFormats = ['json', 'markdown', 'csv', 'jsonl', 'html'] as const;
export type ExportFormat = (typeof exportFormats)[number];
