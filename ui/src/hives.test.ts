import { afterEach, describe, expect, it, vi } from "vitest";
import { Problem } from "./api";
import { hives, sideUrl, versionUrl } from "./hives";

const answers = (status: number, body: unknown) => {
  const sent = vi.fn((_url: string, _init: RequestInit) =>
    Promise.resolve(new Response(status === 204 ? null : JSON.stringify(body), { status })),
  );
  vi.stubGlobal("fetch", sent);
  return sent;
};

const told = (sent: ReturnType<typeof answers>) =>
  sent.mock.calls.map(([url, init]) => `${init.method} ${url} ${String(init.body ?? "")}`.trim());

afterEach(() => vi.unstubAllGlobals());

describe("calls about friends' hives", () => {
  it("ask for what the API names", async () => {
    const sent = answers(200, {});
    await hives.give("s", { hive: "bo" }, "edit");
    await hives.take("s", { group: "g" });
    await hives.accept("s", { folders: ["Cakes"] });
    await hives.pauseFriend("bo", null);
    await hives.putBack("s", 5, "Pictures");
    await hives.resolve("f", { keep: "text", text: "a" });
    await hives.twoVersions("s");
    await hives.why("f");
    await hives.whyPath("s", "a b");
    expect(told(sent)).toEqual([
      'PUT /api/v1/shares/s/members/bo {"right":"edit"}',
      "DELETE /api/v1/shares/s/groups/g",
      'POST /api/v1/offers/s/accept {"folders":["Cakes"]}',
      'PUT /api/v1/friends/bo/pause {"until_at":null}',
      'POST /api/v1/shares/s/put-back {"at":5,"folder":"Pictures"}',
      'POST /api/v1/files/f/two-versions {"keep":"text","text":"a"}',
      "GET /api/v1/two-versions?share=s",
      "GET /api/v1/why?file=f",
      "GET /api/v1/why?share=s&path=a+b",
    ]);
  });

  it("name the bytes of sides and versions", () => {
    expect(sideUrl("f", "base")).toBe("/api/v1/files/f/two-versions/base/raw");
    expect(versionUrl("f", 7)).toBe("/api/v1/files/f/versions/7/raw");
  });

  it("pass on a refusal in the hive's words", async () => {
    const words = { code: "words_wrong", detail: "Not these words.", hint: "Ask again." };
    answers(403, words);
    const cause = await hives.befriend({ words: "a b c" }).catch((problem: unknown) => problem);
    expect(cause).toBeInstanceOf(Problem);
    expect(cause).toMatchObject({ status: 403, ...words });
  });
});
