import assert from "node:assert/strict";
import test from "node:test";

import { SseParser } from "../src/lib/api/sse";

const WIRE = 'retry: 1000\n\n: \n\nid: 1\nevent: token\ndata: {"text":"é→🙂"}\n\nid: 2\nevent: done\ndata: a\ndata: b\n\n';
const EXPECTED = [
  { id: "1", name: "token", data: '{"text":"é→🙂"}' },
  { id: "2", name: "done", data: "a\nb" },
];

for (const [ending, name] of [["\n", "LF"], ["\r\n", "CRLF"], ["\r", "CR"]] as const) {
  const bytes = new TextEncoder().encode(WIRE.replace(/\n/g, ending));

  test(`events with ${name} survive a cut at any byte`, () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const parser = new SseParser();
      const events = [...parser.push(bytes.slice(0, cut)), ...parser.push(bytes.slice(cut))];
      assert.deepEqual(events, EXPECTED, `cut at ${cut}`);
    }
  });

  test(`events with ${name} survive coming byte by byte`, () => {
    const parser = new SseParser();
    const events = Array.from(bytes).flatMap((byte) => parser.push(Uint8Array.of(byte)));
    assert.deepEqual(events, EXPECTED);
  });
}

test("an event without its blank line is not told", () => {
  const parser = new SseParser();
  assert.deepEqual(parser.push(new TextEncoder().encode("id: 9\nevent: token\ndata: x\n")), []);
});

test("a comment alone tells nothing", () => {
  assert.deepEqual(new SseParser().push(new TextEncoder().encode(": still here\n\n")), []);
});
