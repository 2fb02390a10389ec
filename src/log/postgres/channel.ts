/** Where nodes tell each other how far the log reaches; the message is the head's number. */
export const CHANNEL = 'playhead_log_head';
