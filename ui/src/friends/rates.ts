// Limits of speed as people say them. Pure.

const USUAL = [0, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 25_000];
/** As much as the hive can be told. */
export const MOST_KB = 4_000_000;

/** "1.5 MB/s", "250 KB/s"; 0 is no limit. */
export function rateWords(kb: number): string {
  if (kb === 0) return "No limit";
  if (kb < 1000) return `${kb} KB/s`;
  return `${Number((kb / 1000).toFixed(1))} MB/s`;
}

/** The usual limits, and the one that holds if it is none of them. */
export const ratesWith = (kb: number): number[] =>
  [...new Set([...USUAL, kb])].sort((a, b) => a - b);

/** What is limited, in one sentence part; "" without any limit. */
export function limitsTold({ up_kb, down_kb }: { up_kb: number; down_kb: number }): string {
  if (!up_kb && !down_kb) return "";
  if (up_kb === down_kb) return `at most ${rateWords(up_kb)} each way`;
  return [
    up_kb ? `out at most ${rateWords(up_kb)}` : "",
    down_kb ? `in at most ${rateWords(down_kb)}` : "",
  ]
    .filter(Boolean)
    .join(", ");
}

/** What somebody typed as KB a second, or null. */
export function typedRate(text: string): number | null {
  const kb = Number(text.trim().replace(",", "."));
  if (!text.trim() || !Number.isFinite(kb) || kb < 0 || kb > MOST_KB) return null;
  return Math.round(kb);
}
