/** Attachments that one event refers to. */
export const ATTACHMENTS_MAX = 100;
/** Longest media type, and longest name of an attachment, in UTF-16 units. */
export const ATTACHMENT_NAME_MAX = 255;
/** Longest preview of an attachment, in UTF-16 units. */
export const ATTACHMENT_PREVIEW_MAX = 1_000;
