// What an invited person types or pastes: a link, or three words. Pure.

export type Ticket = { link: string } | { words: string };

/** The ticket in a text, whatever stands around it; null when there is none. */
export function readTicket(typed: string): Ticket | null {
  const text = typed.trim();
  const link = /skep:(?:\/\/)?join\/[\w-]+[^\s"'<>]*/i.exec(text);
  if (link) return { link: link[0].replace(/[.,;:!?)\]]+$/, "") };
  // The page that opens a ticket in the browser carries it behind the #.
  const page = /https?:\/\/\S+\/app\/join\/?#([\w-]{16,})/i.exec(text);
  if (page) return { link: `skep://join/${page[1]}` };
  const words = text
    .toLowerCase()
    .split(/[\s,.·-]+/)
    .filter(Boolean);
  if (words.length === 3 && words.every((word) => /^\p{L}{2,}$/u.test(word)))
    return { words: words.join(" ") };
  return null;
}

/** What is still wrong with a text that is no ticket, as a sentence with the next step. */
export function whyNoTicket(typed: string): { detail: string; hint: string } {
  if (/\/l\/[a-z0-9]+/i.test(typed))
    return {
      detail: "That link opens in a browser; it does not join two hives.",
      hint: "Open it there, or ask your friend for “Invite a friend”.",
    };
  return {
    detail: "That is neither an invitation nor three words.",
    hint: "A link begins with skep://join/. The words are three, such as “amber lake violin”.",
  };
}

/** The ticket in the address of the join page: behind the # or as the rest of the path. */
export function ticketOf(pathname: string, hash: string): Ticket | null {
  const secret = hash.replace(/^#/, "") || pathname.replace(/^\/app\/join\/?/, "");
  if (!secret) return null;
  const text = decodeURIComponent(secret);
  return readTicket(text) ?? (/^[\w-]{16,}$/.test(text) ? { link: `skep://join/${text}` } : null);
}
