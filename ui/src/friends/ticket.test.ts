import { describe, expect, it } from "vitest";
import { readTicket, ticketOf, whyNoTicket } from "./ticket";

const TICKET = "skep://join/abcdefghijklmnop234567";

describe("tickets", () => {
  it("finds the link in whatever was pasted", () => {
    for (const text of [TICKET, ` ${TICKET}\n`, `Bo invites you: ${TICKET}.`, `<${TICKET}>`])
      expect(readTicket(text)).toEqual({ link: TICKET });
    expect(readTicket("skep:join/abcdefgh")).toEqual({ link: "skep:join/abcdefgh" });
    const page = "http://127.0.0.1:7537/app/join#abcdefghijklmnop234567";
    expect(readTicket(page)).toEqual({ link: TICKET });
  });

  it("takes three words however they are parted", () => {
    for (const text of ["amber lake violin", "Amber-Lake-Violin", " amber,  lake violin "])
      expect(readTicket(text)).toEqual({ words: "amber lake violin" });
  });

  it("takes nothing else", () => {
    for (const text of ["", "amber lake", "a b c", "one two 3", "http://x.example/l/abc#s"])
      expect(readTicket(text)).toBeNull();
    expect(whyNoTicket("http://x.example/l/abc#s").detail).toContain("browser");
  });

  it("reads the address of the join page", () => {
    expect(ticketOf("/app/join", "#abcdefghijklmnop234567")).toEqual({ link: TICKET });
    expect(ticketOf("/app/join/abcdefghijklmnop234567", "")).toEqual({ link: TICKET });
    expect(ticketOf("/app/join", `#${encodeURIComponent(TICKET)}`)).toEqual({ link: TICKET });
    expect(ticketOf("/app/join", "")).toBeNull();
  });
});
