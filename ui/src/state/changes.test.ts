import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { gather } from "./changes";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("makes one run of many changes", () => {
  const run = vi.fn();
  const again = gather(run, 100);
  again.ask();
  again.ask();
  vi.advanceTimersByTime(100);
  expect(run).toHaveBeenCalledTimes(1);
});

it("lets a slow run end, and runs once more for what came meanwhile", async () => {
  const ends: (() => void)[] = [];
  const run = vi.fn(() => new Promise<void>((end) => ends.push(end)));
  const again = gather(run, 100);
  again.ask();
  await vi.advanceTimersByTimeAsync(100);
  again.ask();
  again.ask();
  await vi.advanceTimersByTimeAsync(1000);
  expect(run).toHaveBeenCalledTimes(1);
  ends[0]!();
  await vi.advanceTimersByTimeAsync(100);
  expect(run).toHaveBeenCalledTimes(2);
});

it("goes on after a run that failed, and ends for good", async () => {
  let fails = true;
  const run = vi.fn(() => (fails ? Promise.reject(new Error("away")) : Promise.resolve()));
  const again = gather(run, 100);
  again.ask();
  await vi.advanceTimersByTimeAsync(100).catch(() => undefined);
  fails = false;
  again.ask();
  await vi.advanceTimersByTimeAsync(100);
  expect(run).toHaveBeenCalledTimes(2);
  again.end();
  again.ask();
  await vi.advanceTimersByTimeAsync(100);
  expect(run).toHaveBeenCalledTimes(2);
});
