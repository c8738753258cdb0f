import assert from "node:assert/strict";
import test from "node:test";

import { BlockSplitter, splitBlocks } from "../src/lib/markdown/blocks";
import { toHtml } from "../src/lib/markdown/render";

const WORDS = { copy: "Copy", table: "Table" };
const ANSWER = [
  "# Title\nText\n\n",
  "1. one\n\n2. two\n\n   more of two\n\n",
  "```py\na = 1\n\n\nb = 2\n```\n\n",
  "| a | b |\n|---|--:|\n| 1 | 2 |\n\n",
  "> quote\n\n",
  "last words",
];

test("blocks end at blank lines outside lists and code", () => {
  assert.deepEqual(splitBlocks(ANSWER.join("")), ANSWER);
});

test("text given in pieces of any size makes the same blocks", () => {
  const whole = ANSWER.join("");
  for (let size = 1; size < 40; size++) {
    const splitter = new BlockSplitter();
    for (let at = 0; at < whole.length; at += size) splitter.append(whole.slice(at, at + size));
    assert.deepEqual(splitter.blocks(), ANSWER, `pieces of ${size}`);
  }
});

test("no block changes once another has begun", () => {
  const splitter = new BlockSplitter();
  let before: string[] = [];
  for (const character of ANSWER.join("")) {
    splitter.append(character);
    const now = splitter.blocks();
    assert.deepEqual(now.slice(0, Math.max(0, before.length - 1)), before.slice(0, -1));
    before = now;
  }
});

test("a fence that never closes stays one block", () => {
  assert.equal(splitBlocks("```\na\n\nb\n\n```` c\n\nd").length, 1);
});

test("a long answer is split in a time that grows with its length", () => {
  const started = performance.now();
  const splitter = new BlockSplitter();
  for (let i = 0; i < 100_000; i++) splitter.append("word and word\n\n");
  assert.equal(splitter.blocks().length, 100_000);
  assert.ok(performance.now() - started < 2_000);
});

test("pictures become links and never load", () => {
  assert.equal(
    toHtml("![a plot](https://example.org/p.png)", WORDS),
    '<p><a href="https://example.org/p.png" target="_blank" rel="noopener noreferrer">a plot</a></p>\n',
  );
  assert.equal(toHtml("![x](data:image/png;base64,AAAA)", WORDS), "<p>![x](data:image/png;base64,AAAA)</p>\n");
  assert.ok(!toHtml("[![badge](https://a.b/c.svg)](https://a.b)", WORDS).includes("<img"));
});

test("raw HTML and script addresses stay text", () => {
  const hostile = [
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "<javascript:alert(1)>",
    '[x](https://a.b "\\" onmouseover=alert(1)")',
    "```\n</code></pre><script>alert(1)</script>\n```",
    "<svg onload=alert(1)>",
    "![\" onerror=alert(1) x=\"](https://a.b/c)",
  ];
  for (const source of hostile) {
    const tags = toHtml(source, WORDS).match(/<[^>]*>/g) ?? [];
    for (const tag of tags) {
      assert.doesNotMatch(tag, /<(script|img|svg)|javascript:|vbscript:|data:/i, source);
      assert.doesNotMatch(tag.replace(/"[^"]*"/g, '""'), /\son\w+=/i, source);
    }
  }
});

test("tables carry no style attribute", () => {
  const html = toHtml("| a | b |\n|:-:|--:|\n| 1 | 2 |\n", WORDS);
  assert.ok(html.includes('<td class="align-right">2</td>'));
  assert.ok(!html.includes("style="));
});

test("a file name is no link, an address is one", () => {
  assert.equal(toHtml("see main.py and printer.cfg", WORDS), "<p>see main.py and printer.cfg</p>\n");
  assert.ok(toHtml("see https://example.org/x", WORDS).includes('href="https://example.org/x"'));
});
